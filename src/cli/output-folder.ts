/**
 * The folder of `--out`: whether it can be written is checked before training, and files appear whole or not at all.
 */

import { rmdir, unlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { KilnError } from "../core/errors.ts";
import { writeErrorReason } from "../files/reason.ts";
import { makeFolder, removeLeftovers, temporaryName, writeAtomically } from "../files/write.ts";

/**
 * Throws unless files can be written to `folder`; leaves nothing behind, not even the folder, and removes what a
 * killed process has left there.
 */
export async function checkWritable(folder: string): Promise<void> {
  await orExplain(folder, async () => {
    const firstMade = await makeFolder(folder);
    const probe = join(folder, temporaryName("probe"));
    await writeFile(probe, "");
    await unlink(probe);
    await removeLeftovers(folder);
    if (firstMade !== undefined) await removeFolders(resolve(folder), firstMade);
  });
}

/** Removes the empty folders from `last` up to `first`. */
async function removeFolders(last: string, first: string): Promise<void> {
  for (let folder = last; folder.length >= first.length; folder = dirname(folder)) await rmdir(folder);
}

/** Writes `files` to `folder`, each under a temporary name first, so that no half-written file is ever seen. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  await orExplain(folder, async () => {
    await makeFolder(folder);
    for (const [name, content] of Object.entries(files)) await writeAtomically(join(folder, name), content);
  });
}

async function orExplain(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new KilnError(`cannot write to the folder ${folder}: ${writeErrorReason(error)}`);
  }
}
