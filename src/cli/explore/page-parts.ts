/** The style and script of the explorer's page, bundled from the sources; the built command contains them as texts. */

import { fileURLToPath } from "node:url";
import type { PageParts } from "../../explore/html.ts";

export const pageParts = async (): Promise<PageParts> => {
  const [style, script] = await Promise.all([bundled("style.css"), bundled("main.ts")]);
  return { style, script };
};

/** A style or a classic script of the page, bundled with all that it imports. */
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
    // Ignore the sources' own settings, which are for Node.
    tsconfigRaw: {},
  });
  return outputFiles[0].text;
}
