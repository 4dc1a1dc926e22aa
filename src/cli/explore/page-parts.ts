/** The style and the script of the explorer's page, bundled from the sources; in the built command their texts stand here. */

import { fileURLToPath } from "node:url";
import type { PageParts } from "../../explore/html.ts";

export const pageParts = async (): Promise<PageParts> => {
  const [style, script] = await Promise.all([bundled("style.css"), bundled("main.ts")]);
  return { style, script };
};

/** A file of the page with all that it imports: a style, or a classic script. */
async function bundled(name: string): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../explore/page/${name}`, import.meta.url))],
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
