/** Writes files atomically, and makes the folders that they are in. */

import { codeOf } from "./reason.ts";

/** The number of files that this copy of the module has named. */
let names = 0;
/** Distinguishes this copy from those of other threads in the same process. */
const thread = Math.floor(Math.random() * 2 ** 32).toString(36);

/** The name under which a file is written before it is moved to its place: a new one for every call, in any thread. */
export const temporaryName = (name: string): string => `.${name}.${process.pid}.${thread}-${names++}.tmp`;

/** Removes what processes that no longer run have left of unfinished writes in `folder`. */
export async function removeLeftovers(folder: string): Promise<void> {
  const { readdir, rm } = await import("node:fs/promises");
  const { join } = await import("node:path");
  for (const name of await readdir(folder)) {
    const [, writer] = /^\..+?\.(\d+)(?:\.[0-9a-z]+-\d+)?\.tmp$/.exec(name) ?? [];
    if (writer !== undefined && !isRunning(Number(writer))) await rm(join(folder, name), { force: true });
  }
}

function isRunning(writer: number): boolean {
  try {
    process.kill(writer, 0); // signal 0 asks, and does nothing
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** Writes `content` next to `path`, syncs it to disk and moves it there: no reader sees half a file. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const { open, rename, rm } = await import("node:fs/promises");
  const { basename, dirname, join } = await import("node:path");
  const temporary = join(dirname(path), temporaryName(basename(path)));
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Makes a folder and its parents, unless they exist; returns the first that was made. Node's own `recursive`
 * says "it does not exist" for any reason that keeps a folder from being made, especially a read-only file system.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  const { dirname, resolve } = await import("node:path");
  const folder = resolve(path);
  const above = dirname(folder);
  try {
    return (await madeFolder(folder)) ? folder : undefined;
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || above === folder) throw error;
  }
  const first = await makeFolder(above);
  return (await madeFolder(folder)) ? (first ?? folder) : first;
}

/** Whether the folder had to be made. */
async function madeFolder(folder: string): Promise<boolean> {
  const { mkdir, stat } = await import("node:fs/promises");
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory()) return false;
    throw error;
  }
}
