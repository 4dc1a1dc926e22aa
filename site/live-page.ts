/** Builds the live page: its script, the worker, Kiln, and the styles, as files that any static server can serve. */

import { copyFile, mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { buildBrowserBundle } from "../bundle.config.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const COMMON: BuildOptions = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  nodePaths: [here("../node_modules")],
  logLevel: "warning",
};

/** The models are texts to edit. */
const sources: Plugin = {
  name: "sources",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?source$/ }, ({ path, importer }) => ({
      path: resolve(dirname(importer), path.replace(/\?source$/, "")),
      namespace: "source",
    }));
    onLoad({ filter: /^/, namespace: "source" }, async ({ path }) => ({
      contents: await readFile(path, "utf8"),
      loader: "text",
    }));
  },
};

/** The worker and the model in it import the same Kiln. */
const ownKiln: Plugin = {
  name: "own-kiln",
  setup({ onResolve }) {
    onResolve({ filter: /^kiln-js$/ }, () => ({ path: "./kiln.js", external: true }));
  },
};

/** Writes the page to `folder`. */
export async function buildLivePage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const bundle = join(folder, "bundle.js");
  await buildBrowserBundle(bundle);
  const external = ["gpu.js"];
  await build({ ...COMMON, entryPoints: { kiln: bundle }, external, outdir: folder });
  await rm(bundle);
  const entryPoints = {
    main: here("live/page/main.ts"),
    worker: here("live/worker/worker.ts"),
    style: here("live/style.css"),
  };
  await build({ ...COMMON, entryPoints, plugins: [sources, ownKiln], outdir: folder });
  await copyFile(here("live/index.html"), join(folder, "index.html"));
}
