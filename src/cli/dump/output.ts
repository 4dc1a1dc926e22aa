/** Where dumps go: standard output, a file, or a folder with a file for each stage. */

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KilnError } from "../../core/errors.ts";
import { plainLine } from "../../inspect/escape.ts";
import { fileErrorReason, writeAtomically } from "../../runtime/atomic-file.ts";

/** Writes one file, and the folders it lies in. */
export async function writeOutput(path: string, text: string): Promise<void> {
  await orExplain(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, `${text}\n`);
  });
  console.log(plainLine(`wrote ${path}`));
}

/** Writes files by name into a folder that is made where there is none. */
export async function writeFolder(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of files) await writeOutput(join(folder, name), text);
}

async function orExplain(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new KilnError(`cannot write ${path}: ${fileErrorReason(error)}`);
  }
}
