/** The browser bundle: all of Kiln as one ES module. `npm run build` writes it; tests and the example page build it anew. */

import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const fromRoot = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const BUNDLE = fromRoot("dist/kiln.browser.js");

/**
 * Kiln asks for Node's modules where it needs them and not before. In a browser each of them is a module that cannot
 * be loaded, so that reading a file, a download or an event file is one error there and everything else works.
 */
const withoutNode: Plugin = {
  name: "without-node",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "node" }));
    onLoad({ filter: /^/, namespace: "node" }, ({ path }) => ({
      contents: [
        'import { KilnError } from "./src/core/errors.ts";',
        `throw new KilnError("files and downloads need Node: a browser has no ${path}");`,
      ].join("\n"),
      resolveDir: fromRoot("."),
    }));
  },
};

/**
 * Writes the bundle, as readable as the sources, for it lies beside pages that show where an error comes from. gpu.js
 * stays outside: the page or its bundler provides it, and it is loaded when a gpujs backend is first asked for.
 */
export async function buildBrowserBundle(outfile = BUNDLE): Promise<void> {
  await build({
    entryPoints: [fromRoot("src/index.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // Messages and representations name classes, which bundlers rename.
    keepNames: true,
    external: ["gpu.js"],
    plugins: [withoutNode],
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildBrowserBundle();
