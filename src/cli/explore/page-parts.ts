/** The style and the script of the explorer's page, as they stand in the one file. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { PageParts } from "../../explore/html.ts";

/** `root` is the package's folder: the script lies beside this file, as TypeScript or compiled, the style with the sources. */
export async function pageParts(root: URL): Promise<PageParts> {
  const [style, script] = await Promise.all([
    readFile(new URL("src/explore/page/style.css", root), "utf8"),
    pageScript(),
  ]);
  return { style, script };
}

async function pageScript(): Promise<string> {
  const { build } = await import("esbuild");
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../explore/page/main.${extension}`, import.meta.url))],
    bundle: true,
    format: "iife",
    target: "es2022",
    minify: true,
    write: false,
    logLevel: "silent",
    // Not the sources' own settings, which are about Node.
    tsconfigRaw: {},
  });
  return outputFiles[0].text;
}
