/**
 * Builds the example pages as an application's bundler would: its own modules, Kiln's browser bundle, gpu.js on demand.
 */

import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { buildBrowserBundle, buildForPage } from "../../bundle.config.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const COMMON: BuildOptions = {
  bundle: true,
  format: "esm",
  target: "es2022",
  nodePaths: [here("../../node_modules")],
  logLevel: "warning",
};

/** Kiln and the model stay files of their own: the compiler's texts name lines of the model. */
const ownFiles: Plugin = {
  name: "own-files",
  setup({ onResolve }) {
    onResolve({ filter: /^kiln-js$/ }, () => ({ path: "./kiln.js", external: true }));
    onResolve({ filter: /\/lenet\.ts$/, namespace: "file" }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: "./lenet.js", external: true },
    );
  },
};

/** Writes both pages to `folder`. gpu.js becomes a file that is fetched when a gpujs backend is first used. */
export async function buildPage(folder: string): Promise<void> {
  const bundle = join(folder, "bundle.js");
  await buildBrowserBundle(bundle);
  await build({ ...COMMON, entryPoints: { kiln: bundle }, splitting: true, outdir: folder });
  await rm(bundle);
  const entryPoints = {
    main: here("page/main.ts"),
    worker: here("page/worker.ts"),
    lenet: here("../lenet.ts"),
    style: here("style.css"),
  };
  await build({ ...COMMON, entryPoints, plugins: [ownFiles], outdir: folder });
  await build({ ...COMMON, entryPoints: { "onnx-main": here("onnx/main.ts") }, outdir: folder });
  await buildForPage(here("onnx/worker.ts"), join(folder, "onnx-worker.js"));
  for (const file of ["index.html", "onnx.html"]) await copyFile(here(file), join(folder, file));
}
