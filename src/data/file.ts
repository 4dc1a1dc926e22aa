/**
 * Files on disk, with errors that name them. Node's modules are loaded when a function is called, so that this
 * folder can be bundled for browsers.
 */

import { KilnError } from "../core/errors.ts";

/** Names of the entries of a folder. */
export async function listFolder(folder: string): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  try {
    return await readdir(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") throw new KilnError(`the folder ${folder} does not exist`);
    if (code === "ENOTDIR") throw new KilnError(`${folder} is a file, where a folder was expected`);
    throw new KilnError(`cannot read the folder ${folder}: ${messageOf(error)}`);
  }
}

/** Number of bytes of a file; `undefined` when there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  const { stat } = await import("node:fs/promises");
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new KilnError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** The bytes of a file that has at most `limit` of them. */
export async function readBytes(path: string, limit: number): Promise<Uint8Array> {
  const { readFile, stat } = await import("node:fs/promises");
  try {
    const { size } = await stat(path);
    if (size > limit) {
      throw new KilnError(`${path} is too large: ${size} bytes, more than the limit of ${limit}`);
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof KilnError) throw error;
    throw new KilnError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** Writes a file that appears whole or not at all. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const { rename, writeFile } = await import("node:fs/promises");
  const unfinished = `${path}.part`;
  try {
    await writeFile(unfinished, bytes, { flush: true });
    await rename(unfinished, path);
  } catch (error) {
    throw new KilnError(`cannot write ${path}: ${messageOf(error)}`);
  }
}

/** Makes a folder and those it lies in, unless it is there. */
export async function makeFolder(path: string): Promise<void> {
  const { mkdir } = await import("node:fs/promises");
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw new KilnError(`cannot make the folder ${path}: ${messageOf(error)}`);
  }
}

/** MD5 of a file's bytes in hexadecimal: the checksum that datasets are published with. */
export async function md5OfFile(path: string): Promise<string> {
  const [{ createReadStream }, { createHash }] = await Promise.all([
    import("node:fs"),
    import("node:crypto"),
  ]);
  const hash = createHash("md5");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw new KilnError(`cannot read ${path}: ${messageOf(error)}`);
  }
  return hash.digest("hex");
}

/** The code that the system gives an error, such as `ENOENT`. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** What an error says, the innermost cause first, because outer ones only say that something failed. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return messageOf(error.cause);
  return error.message !== "" ? error.message : String(codeOf(error) ?? error.name);
}
