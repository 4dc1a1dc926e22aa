/**
 * Has the compiler make libraries, and caches them: each under the hash of everything it depends on, so that it is
 * built once on a machine however many processes need it. A library is moved to its place whole, or not at all.
 */

import type { ExecFileException } from "node:child_process";
import { cacheFolder } from "../../src/core/cache-folder.ts";
import { KilnError } from "../../src/core/errors.ts";
import { node } from "./node.ts";
import type { Toolchain } from "./toolchain.ts";

/** If all libraries together are larger, the least recently used are removed. */
const MOST_BYTES = 256 * 2 ** 20;

/** Unfinished work of killed processes is removed at this age. */
const ABANDONED_MS = 3_600_000;

/** The path of the library built from these sources: from the cache, or compiled now, several files at a time. */
export async function libraryOf(sources: readonly string[], toolchain: Toolchain): Promise<string> {
  const { command, flags, identity } = toolchain;
  const { createHash } = node!("node:crypto");
  const { join } = node!("node:path");
  const hash = createHash("sha256");
  for (const part of [identity, command, ...flags, ...sources]) hash.update(`${part.length} ${part}`);
  const folder = safeFolder();
  const path = join(folder, `${hash.digest("hex").slice(0, 40)}.so`);
  if (!wasUsed(path)) {
    const built =
      building.get(path) ?? build(path, folder, sources, toolchain).finally(() => building.delete(path));
    building.set(path, built);
    await built;
  }
  return path;
}

/** Libraries that are being built: others that need the same one wait for it, too. */
const building = new Map<string, Promise<void>>();

/** Removes a library that cannot be loaded, as after a crash of the machine: it is built again. */
export function discard(path: string): void {
  node!("node:fs").rmSync(path, { force: true });
}

/** Marks a library as used, if it exists; returns whether it does. */
function wasUsed(path: string): boolean {
  try {
    const now = new Date();
    node!("node:fs").utimesSync(path, now, now);
    return true;
  } catch {
    return false;
  }
}

/** The cache's folder, which only its owner may write to or replace, since the code in it is run. */
function safeFolder(): string {
  const { mkdirSync, statSync } = node!("node:fs");
  const { join } = node!("node:path");
  const around = cacheFolder();
  const folder = join(around, "c");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw notKept(error);
  }
  const own = process.getuid?.();
  if (own === undefined) return folder;
  const [inner, outer] = [statSync(folder), statSync(around)];
  // In a folder with the sticky bit, such as /tmp, only the owner of an entry can move it.
  const isOpen = ({ mode }: { readonly mode: number }): boolean => (mode & 0o022) !== 0;
  if (inner.uid !== own || isOpen(inner)) throw notSafe(folder, folder);
  if ((outer.uid !== own && outer.uid !== 0) || (isOpen(outer) && (outer.mode & 0o1000) === 0))
    throw notSafe(folder, around);
  return folder;
}

const notSafe = (folder: string, open: string): KilnError =>
  new KilnError(
    `the c backend runs the libraries in ${folder}, but others may write to ${open}: remove that permission (chmod go-w), or name another folder in KILN_CACHE`,
  );

/** The disk is full, or the folder cannot be written to. */
const notKept = (error: unknown): KilnError =>
  new KilnError(
    `the c backend cannot keep what it builds: ${(error as Error).message}; KILN_CACHE names another folder`,
  );

/** The compiler is running when this returns: the caller may do work of its own until it waits for it. */
async function build(
  path: string,
  folder: string,
  sources: readonly string[],
  toolchain: Toolchain,
): Promise<void> {
  const { mkdtempSync, renameSync, writeFileSync } = node!("node:fs");
  const { rm } = node!("node:fs/promises");
  const { join } = node!("node:path");
  const { flags } = toolchain;
  let work: string | undefined;
  try {
    work = mkdtempSync(join(folder, "build-"));
    const files = sources.map((_, k) => join(work!, `part${k}`));
    for (const [k, source] of sources.entries()) writeFileSync(`${files[k]}.c`, source);
    await allOf(files.map((file) => call(toolchain, [...flags, "-c", `${file}.c`, "-o", `${file}.o`])));
    const library = join(work, "library.so");
    await call(toolchain, [...flags, "-shared", ...files.map((file) => `${file}.o`), "-o", library]);
    await settle(library);
    renameSync(library, path);
  } catch (error) {
    throw error instanceof KilnError ? error : notKept(error);
  } finally {
    if (work !== undefined) await rm(work, { recursive: true, force: true });
  }
  await tidy(folder, path);
}

/**
 * Makes a file writable by its owner only, whatever the umask, and syncs it to disk: after a crash the renamed file
 * might otherwise have no contents.
 */
async function settle(file: string): Promise<void> {
  const { open } = node!("node:fs/promises");
  const opened = await open(file, "r+");
  try {
    await opened.chmod(0o700);
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Waits for all of them even if one fails: nothing may write any more to what is removed then. */
async function allOf(calls: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(calls)).find((call) => call.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Runs the compiler; if it fails, its output goes into the error. */
async function call({ command, patience }: Toolchain, args: readonly string[]): Promise<void> {
  const { execFile } = node!("node:child_process");
  const limits = { maxBuffer: 2 ** 24, timeout: patience, killSignal: "SIGKILL" } as const;
  await new Promise<void>((resolve, reject) => {
    execFile(command, args, limits, (error, _, said) => {
      if (error === null) resolve();
      else reject(new KilnError(failure(command, reasonOf(error, said, patience))));
    });
  });
}

function reasonOf(error: ExecFileException, said: string, patience: number): string {
  if (error.killed) return `it has not finished in ${patience / 1000} s (KILN_CC_TIMEOUT allows more)`;
  return said.trim() || error.message;
}

const failure = (command: string, said: string): string =>
  `the c backend's compiler ${command} has failed: ${said.split("\n").slice(0, 3).join("; ")}; ` +
  "KILN_CC names another one, and the wasm backend needs none";

/** Keeps the cache small, and removes what killed processes left behind. */
async function tidy(folder: string, kept: string): Promise<void> {
  const { readdir, rm, stat } = node!("node:fs/promises");
  const { join } = node!("node:path");
  const files: { readonly path: string; readonly size: number; readonly used: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    // Another process may tidy up at the same time.
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (name.startsWith("build-")) {
      // In the future if the clock was set back.
      if (Math.abs(Date.now() - found.mtimeMs) > ABANDONED_MS)
        await rm(path, { recursive: true, force: true });
    } else files.push({ path, size: found.size, used: found.mtimeMs });
  }
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((a, b) => a.used - b.used)) {
    if (total <= MOST_BYTES) return;
    if (path === kept) continue;
    await rm(path, { force: true });
    total -= size;
  }
}
