/** The published types: of all that the compiler has written, those that users can reach. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Copies the declarations that those of `entries`, paths of sources, import, directly or indirectly. */
export async function copyReachableTypes(
  entries: readonly string[],
  from: string,
  to: string,
): Promise<void> {
  const reached = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (reached.has(path)) return;
    reached.add(path);
    const text = await readFile(join(from, path), "utf8");
    await mkdir(dirname(join(to, path)), { recursive: true });
    await writeFile(join(to, path), withoutRemarks(text));
    const imported = [...text.matchAll(/(?:\bfrom |\bimport\(|^import )"(\.[^"]+)"/gm)];
    for (const [, name] of imported) await visit(join(dirname(path), declarationOf(name)));
  };
  for (const entry of entries) await visit(declarationOf(entry));
}

/** Declarations without the file's first comment, which no editor shows, and indented by tabs. */
const withoutRemarks = (text: string): string =>
  text
    .replace(/^\/\*\*[\s\S]*?\*\/\n/, "")
    .replace(/^(?: {4})+/gm, (spaces) => "\t".repeat(spaces.length / 4));

const declarationOf = (path: string): string => path.replace(/\.[jt]s$/, ".d.ts");
