/** The script of the explorer's page, bundled from the sources; in the built command it is replaced by its text. */

import { fileURLToPath } from "node:url";

/** The script as one classic script. */
export async function pageScript(): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../../explore/page/main.ts", import.meta.url))],
    bundle: true,
    format: "iife",
    target: "es2022",
    minify: true,
    write: false,
    logLevel: "silent",
    // Not the sources' own settings, which are for Node.
    tsconfigRaw: {},
  });
  return outputFiles[0].text;
}
