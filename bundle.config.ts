/**
 * The bundles: all of Kiln as one ES module, for browsers and for Node, and the command with what it loads when it is
 * asked for. `npm run build` writes them; tests and the example page build them anew.
 */

import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { pageScript } from "./src/cli/explore/page-script.ts";

const fromRoot = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const BROWSER_BUNDLE = fromRoot("dist/kiln.browser.js");
const NODE_BUNDLE = fromRoot("dist/kiln.node.js");
const COMMAND_FOLDER = fromRoot("dist/cli");

/**
 * As readable as the sources, for a bundle lies where people look up where an error comes from. gpu.js stays outside: the
 * user provides it, and it is loaded when a gpujs backend is first asked for.
 */
const COMMON: BuildOptions = {
  entryPoints: [fromRoot("src/index.ts")],
  bundle: true,
  format: "esm",
  target: "es2022",
  external: ["gpu.js"],
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
    // A script has no address of its own, but that of the worker it runs in.
    define: { "import.meta.url": "self.location.href" },
    minify: true,
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

/**
 * Classes and functions that users meet keep their names where the bundler gives them others, for messages and
 * representations show them. Its own way to do so names every closure, as often as it is made: a third of an import.
 */
const withNames: Plugin = {
  name: "with-names",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const found = [...text.matchAll(CLASS), ...(PUBLIC.test(path) ? text.matchAll(FUNCTION) : [])];
      // Some classes have been given the names of others already.
      const names = found.map(([, name]) => name).filter((name) => !text.includes(naming(name)));
      const kept = names.map(
        (name) => `if (${name}.name !== "${name}") ${naming(name)}, { value: "${name}" });`,
      );
      return { contents: [text, ...kept].join("\n"), loader: "ts" };
    });
  },
};

const naming = (name: string): string => `Object.defineProperty(${name}, "name"`;

const CLASS = /^(?:export )?(?:default )?(?:abstract )?class (\w+)/gm;
const FUNCTION = /^export (?:async )?function (\w+)/gm;
const PUBLIC = /\/src\/(?:core|data|nn|optim|tensor|trace)\//;

async function buildBundle({ plugins = [], ...options }: BuildOptions): Promise<void> {
  await build({ ...COMMON, ...options, plugins: [...plugins, withNames] });
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
