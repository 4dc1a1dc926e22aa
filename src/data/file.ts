/**
 * The files of published datasets on disk, with errors that name them. Node's modules are loaded when a function is
 * called, so that this folder can be bundled for browsers.
 */

import { KilnError } from "../core/errors.ts";
import { withFile } from "../files/read.ts";
import { codeOf, fileErrorReason, writeErrorReason } from "../files/reason.ts";
import { makeFolder, writeAtomically } from "../files/write.ts";

/** Names of the entries of a folder. */
export async function listFolder(folder: string): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  try {
    return await readdir(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") throw new KilnError(`the folder ${folder} does not exist`);
    if (code === "ENOTDIR") throw new KilnError(`${folder} is a file, where a folder was expected`);
    throw new KilnError(`cannot read the folder ${folder}: ${fileErrorReason(error)}`);
  }
}

/** Whether there is a folder at `path`, be it behind a link. */
export async function isFolder(path: string): Promise<boolean> {
  const { stat } = await import("node:fs/promises");
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw new KilnError(`cannot read ${path}: ${fileErrorReason(error)}`);
  }
}

/** Writes a file that appears whole or not at all. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeAtomically(path, bytes);
  } catch (error) {
    throw new KilnError(`cannot write ${path}: ${writeErrorReason(error)}`);
  }
}

/** Makes the folder of a dataset, unless it is there. */
export async function makeDataFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (error) {
    throw new KilnError(`cannot make the folder ${path}: ${writeErrorReason(error)}`);
  }
}

/** MD5 of a file's bytes in hexadecimal: the checksum that datasets are published with. */
export async function md5OfFile(path: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("md5");
  await withFile(path, async (file) => {
    for (let begin = 0; begin < file.size; begin += BYTES_AT_ONCE) {
      hash.update(await file.read(begin, Math.min(begin + BYTES_AT_ONCE, file.size)));
    }
  });
  return hash.digest("hex");
}

const BYTES_AT_ONCE = 2 ** 20;

/** What an error says, the innermost cause first, because outer ones only say that something failed. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return messageOf(error.cause);
  return error.message !== "" ? error.message : String(codeOf(error) ?? error.name);
}
