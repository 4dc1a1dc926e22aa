/**
 * Builds the published files from the sources: modules for bundlers of pages, one file for pages without a bundler, and
 * for Node the library and the command in parts that are loaded on demand. `npm run build` writes them all; tests and
 * pages build the ones they need.
 */

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { PAGE_WORKER, THREAD_NAME } from "./backends/wasm/threads/worker-source.ts";
import { buildBrowserModules } from "./bundle/browser-modules.ts";
import { copyReachableTypes } from "./bundle/declarations.ts";
import { published } from "./bundle/published-source.ts";
import {
  pageWorkerText,
  withExplorerPage,
  withoutC,
  withoutNode,
  withPageWorker,
} from "./bundle/substitutes.ts";
import packageJson from "./package.json" with { type: "json" };

export { withPageWorker };

const fromRoot = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Packages that users install themselves. All others are in the bundles, and are not dependencies of the package. */
const PEERS = Object.keys(packageJson.peerDependencies);

/** The entry points of the package, by name. */
const ENTRIES = {
  kiln: "src/index.ts",
  nn: "src/entries/nn.ts",
  functional: "src/entries/functional.ts",
  optim: "src/entries/optim.ts",
  data: "src/entries/data.ts",
  onnx: "src/entries/onnx.ts",
} as const;

const COMMON: BuildOptions = {
  bundle: true,
  format: "esm",
  target: "es2022",
  external: PEERS,
  logLevel: "warning",
};

async function buildBundle(options: BuildOptions): Promise<Metafile> {
  const { metafile } = await build({ ...COMMON, ...options, metafile: true });
  return metafile;
}

/** Writes all of Kiln as one module, for pages without a bundler. */
export async function buildBrowserBundle(outfile: string, options: BuildOptions = {}): Promise<Metafile> {
  return buildBundle({
    ...options,
    entryPoints: [fromRoot(ENTRIES.kiln)],
    outfile,
    platform: "browser",
    plugins: [withoutNode, withoutC, withPageWorker, published({ namesFunctions: false })],
  });
}

/** Writes a program of a page, such as a worker, together with its imports from Kiln, as one module. */
export async function buildForPage(entry: string, outfile: string): Promise<void> {
  await buildBundle({
    entryPoints: [entry],
    outfile,
    platform: "browser",
    alias: { "kiln-js": fromRoot(ENTRIES.kiln), "kiln-js/onnx": fromRoot(ENTRIES.onnx) },
    plugins: [withoutNode, withoutC, withPageWorker, published({ namesFunctions: false })],
  });
}

/**
 * Writes the page's worker as a file, for pages that may start workers only from files. Under THREAD_NAME it is a
 * thread.
 */
export async function buildPageWorker(outfile: string): Promise<void> {
  const isThread = `self.name === ${JSON.stringify(THREAD_NAME)}`;
  const text = `if (${isThread}) (() => {${PAGE_WORKER}})();\nelse {\n${await pageWorkerText()}}\n`;
  await writeFile(outfile, text);
}

/** Writes the modules for bundlers of pages. */
export const buildModules = (outdir: string): Promise<Metafile> =>
  buildBrowserModules(outdir, Object.values(ENTRIES), PEERS);

/**
 * Writes the library and the command, which share their parts: a few files are imported several times as fast as
 * hundreds.
 */
export async function buildForNode(outdir: string): Promise<Metafile> {
  await rm(outdir, { recursive: true, force: true });
  const entries = Object.entries(ENTRIES).map(([name, path]) => [name, fromRoot(path)]);
  const { metafile, outputFiles } = await build({
    ...COMMON,
    metafile: true,
    write: false,
    entryPoints: { main: fromRoot("src/cli/main.ts"), ...Object.fromEntries(entries) },
    outdir,
    splitting: true,
    platform: "node",
    minifyWhitespace: true,
    minifySyntax: true,
    // For CommonJS packages.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module";\nconst require = requireFrom(import.meta.url);',
    },
    plugins: [withExplorerPage, published({ namesFunctions: true })],
  });
  // It loads Vite, which the other bundles do not need.
  const { shortNames } = await import("./bundle/short-names.ts");
  await mkdir(outdir, { recursive: true });
  for (const { path, text } of outputFiles) await writeFile(path, await shortNames(path, text));
  return metafile;
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
  for (const folder of ["src", "passes", "backends", "packages"])
    await rm(fromRoot(`dist/${folder}`), { recursive: true, force: true });
  await copyReachableTypes(Object.values(ENTRIES), fromRoot("dist/declarations"), fromRoot("dist"));
  await buildPageWorker(fromRoot("dist/kiln.worker.js"));
  await writeLicences([
    await buildModules(fromRoot("dist")),
    await buildBrowserBundle(fromRoot("dist/kiln.browser.js"), { minify: true }),
    await buildForNode(fromRoot("dist/node")),
  ]);
}
