/**
 * A single file that a command writes: whether it can be written is checked first, and it appears whole or not at all.
 */

import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { KilnError } from "../core/errors.ts";
import { writeErrorReason } from "../files/reason.ts";
import { makeFolder, writeAtomically } from "../files/write.ts";
import { checkWritable } from "./output-folder.ts";

/**
 * Throws unless the file can be written, before the work for it is done; leaves nothing behind. Files
 * in `sources` are not overwritten.
 */
export async function checkOutputFile(path: string, sources: readonly string[]): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new KilnError(`cannot write ${path}: it is a folder, not a file`);
  await keepSources([path], sources);
  await checkWritable(dirname(path));
}

/** Throws if one of `outputs` is one of `sources`, by whatever name. */
export async function keepSources(outputs: readonly string[], sources: readonly string[]): Promise<void> {
  const identityOf = async (path: string): Promise<string | undefined> => {
    const found = await stat(path).catch(() => undefined);
    return found && `${found.dev} ${found.ino}`;
  };
  const kept = new Set(await Promise.all(sources.map(identityOf)));
  for (const output of outputs) {
    const identity = await identityOf(output);
    if (identity !== undefined && kept.has(identity)) {
      throw new KilnError(`${output} is read by this command and is not overwritten: choose another file`);
    }
  }
}

/** Writes the file, creating its folders. */
export async function writeOutput(path: string, text: string): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await writeAtomically(path, text);
  } catch (error) {
    throw new KilnError(`cannot write ${path}: ${writeErrorReason(error)}`);
  }
}
