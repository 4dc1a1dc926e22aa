/**
 * The bundles: all of Kiln as one ES module for browsers, and for Node the library and the command in parts that are loaded
 * when they are asked for. `npm run build` writes them; tests and the example page build them anew.
 */

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { PAGE_WORKER, THREAD_NAME } from "./backends/wasm/threads/worker-source.ts";
import packageJson from "./package.json" with { type: "json" };
import { pageScript } from "./src/cli/explore/page-script.ts";

const fromRoot = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const BROWSER_BUNDLE = fromRoot("dist/kiln.browser.js");
const PAGE_WORKER_FILE = fromRoot("dist/kiln.worker.js");
const NODE_FOLDER = fromRoot("dist/node");

/** Packages that users install themselves. All others that Kiln uses are in the bundles, and no dependency of the package. */
const PEERS = Object.keys(packageJson.peerDependencies);

/** As readable as the sources, for a bundle lies where people look up where an error comes from. */
const COMMON: BuildOptions = {
  entryPoints: [fromRoot("src/index.ts")],
  bundle: true,
  format: "esm",
  target: "es2022",
  external: PEERS,
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

/** The same as a file, for pages that may start workers from nothing else; it is a thread where it is called one. */
export async function buildPageWorker(outfile = PAGE_WORKER_FILE): Promise<void> {
  const isThread = `self.name === ${JSON.stringify(THREAD_NAME)}`;
  const text = `if (${isThread}) (() => {${PAGE_WORKER}})();\nelse {\n${await pageWorkerText()}}\n`;
  await writeFile(outfile, text);
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

async function buildBundle({ plugins = [], ...options }: BuildOptions): Promise<Metafile> {
  const { metafile } = await build({
    ...COMMON,
    ...options,
    metafile: true,
    plugins: [...plugins, withNames],
  });
  return metafile;
}

/** Writes the browser's bundle. */
export async function buildBrowserBundle(outfile = BROWSER_BUNDLE): Promise<Metafile> {
  return buildBundle({ outfile, platform: "browser", plugins: [withoutNode, withPageWorker] });
}

/** Writes the library and the command, which share their parts: a few files are imported several times as fast as hundreds. */
export async function buildForNode(outdir = NODE_FOLDER): Promise<Metafile> {
  await rm(outdir, { recursive: true, force: true });
  return buildBundle({
    entryPoints: { main: fromRoot("src/cli/main.ts"), kiln: fromRoot("src/index.ts") },
    outdir,
    splitting: true,
    platform: "node",
    // What packages of the older kind ask for.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module";\nconst require = requireFrom(import.meta.url);',
    },
    plugins: [withExplorerScript],
  });
}

/** The licences of the packages that are in the bundles. */
async function writeLicences(metafiles: readonly Metafile[]): Promise<void> {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const folders = new Set(
    inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  const texts = [...folders].sort().map(async (folder) => {
    const file = (await readdir(folder)).find((name) => /^licen[cs]e(\.|$)/i.test(name));
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    const text = file === undefined ? `${license}` : await readFile(`${folder}/${file}`, "utf8");
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
  await writeFile(
    fromRoot("dist/third-party-licenses.txt"),
    (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPageWorker();
  await writeLicences([await buildBrowserBundle(), await buildForNode()]);
}
