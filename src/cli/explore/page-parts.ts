/** The style and the script of the explorer's page, as included in the one file. */

import { readFile } from "node:fs/promises";
import type { PageParts } from "../../explore/html.ts";
import { pageScript } from "./page-script.ts";

/** `root` is the package's folder. */
export async function pageParts(root: URL): Promise<PageParts> {
  const [style, script] = await Promise.all([
    readFile(new URL("src/explore/page/style.css", root), "utf8"),
    pageScript(),
  ]);
  return { style, script };
}
