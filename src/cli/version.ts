/** The version of this package, from its manifest. */

import { readFile } from "node:fs/promises";

/** The version that the package.json in the folder `root` names. */
export async function packageVersion(root: URL): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
  return (manifest as { readonly version: string }).version;
}
