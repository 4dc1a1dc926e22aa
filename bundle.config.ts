/**
 * The bundles: all of Kiln as one ES module, for browsers and for Node, and the command with what it loads when it is
 * asked for. `npm run build` writes them; tests and the example page build them anew.
 */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { pageScript } from "./src/cli/explore/page-script.ts";

const fromRoot = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const BROWSER_BUNDLE = fromRoot("dist/kiln.browser.js");
const NODE_BUNDLE = fromRoot("dist/kiln.node.js");
const COMMAND_FOLDER = fromRoot("dist/cli");

/**
 * As readable as the sources, for a bundle lies where people look up where an error comes from. gpu.js and koffi stay
 * outside: the user provides them, and they are loaded when a gpujs backend or the c backend is first asked for.
 */
const COMMON: BuildOptions = {
  entryPoints: [fromRoot("src/index.ts")],
  bundle: true,
  format: "esm",
  target: "es2022",
  // Messages and representations name classes, which bundlers rename.
  keepNames: true,
  external: ["gpu.js", "koffi"],
  logLevel: "warning",
};

/**
 * Kiln asks for Node's modules where it needs them and not before. In a browser each of them is a module that cannot
 * be loaded, so that reading a file, a download or an event file is one error there and everything else works. So is the
 * decoder of JPEG files, which only folders of images ask for.
 */
const withoutNode: Plugin = {
  name: "without-node",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:|^jpeg-js$/ }, ({ path }) => ({ path, namespace: "node" }));
    onLoad({ filter: /^/, namespace: "node" }, ({ path }) => ({
      contents: [
        'import { KilnError } from "./src/core/errors.ts";',
        `throw new KilnError("files and downloads need Node: a browser has no ${path}");`,
      ].join("\n"),
      resolveDir: fromRoot("."),
    }));
  },
};

/** Puts what a page's worker runs into the file that stands for its text, so that one file holds it all. */
export const withPageWorker: Plugin = {
  name: "with-page-worker",
  setup({ onLoad }) {
    onLoad({ filter: /wasm\/page\/worker-script\.ts$/ }, async () => ({
      contents: `export const WORKER_SCRIPT = ${JSON.stringify(await pageWorkerText())};`,
    }));
  },
};

async function pageWorkerText(): Promise<string> {
  const entryPoints = [fromRoot("backends/wasm/page/page-worker.ts")];
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints,
    format: "iife",
    minify: true,
    keepNames: false,
    platform: "browser",
    plugins: [withoutNode],
    write: false,
  });
  return outputFiles[0].text;
}

/** Puts the script of the explorer's page into the file that stands for its text. */
const withExplorerScript: Plugin = {
  name: "with-explorer-script",
  setup({ onLoad }) {
    onLoad({ filter: /cli\/explore\/page-script\.ts$/ }, async () => ({
      contents: `export const pageScript = async () => ${JSON.stringify(await pageScript())};`,
    }));
  },
};

/** What esbuild writes to keep names, for every function that is made, as often as it is made. */
const KEEP_NAME = /var __name = \(target, value\) => __defProp\(target, "name", .*\);/;

/**
 * Classes alone need their names kept, and defining a name costs: a twentieth of compiling a model, where closures are
 * made by the thousand. Arrow functions have no prototype, and what has its name already needs no other.
 */
const KEEP_CLASS_NAME =
  'var __name = (target, value) => target.name === value || target.prototype === undefined ? target : __defProp(target, "name", { value, configurable: true });';

async function buildBundle(options: BuildOptions): Promise<void> {
  const { outputFiles } = await build({ ...COMMON, ...options, write: false });
  const texts = outputFiles!.map(
    ({ path, text }) => [path, text.replace(KEEP_NAME, KEEP_CLASS_NAME)] as const,
  );
  if (!texts.some(([, text]) => text.includes(KEEP_CLASS_NAME))) {
    throw new Error("esbuild keeps names in another way than it did");
  }
  for (const [path, text] of texts) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

/** Writes the browser's bundle. */
export async function buildBrowserBundle(outfile = BROWSER_BUNDLE): Promise<void> {
  await buildBundle({ outfile, platform: "browser", plugins: [withoutNode, withPageWorker] });
}

/** Writes Node's bundle: one file is imported several times as fast as the hundreds it is made of. */
export async function buildNodeBundle(outfile = NODE_BUNDLE): Promise<void> {
  await buildBundle({ outfile, platform: "node" });
}

/** Writes the command and the library that models share with it; what a command alone needs is a file of its own. */
export async function buildCommand(outdir = COMMAND_FOLDER): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  await buildBundle({
    entryPoints: { main: fromRoot("src/cli/main.ts"), kiln: fromRoot("src/index.ts") },
    outdir,
    splitting: true,
    packages: "external",
    platform: "node",
    plugins: [withExplorerScript],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildBrowserBundle();
  await buildNodeBundle();
  await buildCommand();
}
