/** A single file that a command writes: whether it can be written is found out first, and it appears whole or not at all. */

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { KilnError } from "../core/errors.ts";
import { fileErrorReason, writeAtomically } from "../runtime/atomic-file.ts";
import { checkWritable } from "./output-folder.ts";

/** Throws unless the file can be written, before the work is done that it is made of; leaves nothing behind. */
export async function checkOutputFile(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new KilnError(`cannot write ${path}: it is a folder, not a file`);
  await checkWritable(dirname(path));
}

/** Writes the file, and the folders it lies in. */
export async function writeOutput(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, text);
  } catch (error) {
    throw new KilnError(`cannot write ${path}: ${fileErrorReason(error)}`);
  }
}
