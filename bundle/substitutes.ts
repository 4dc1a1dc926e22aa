/** Substitutes in the published files for parts that need Node, or that are texts generated from other sources. */

import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { pageParts } from "../src/cli/explore/page-parts.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Modules that need Node: its own, and the decoder of JPEG files, which only folders of images use. */
export const ONLY_IN_NODE = /^node:|^jpeg-js$/;

/** The substitute for one of these in a browser, where loading it is an error. */
export const withoutNodeText = (path: string, errors: string): string =>
  [
    `import { KilnError } from "${errors}";`,
    `throw new KilnError("files and downloads need Node: a browser has no ${path}");`,
  ].join("\n");

/**
 * Kiln imports Node's modules only when it needs them. In a browser each of them is a module that cannot be loaded, so
 * that reading a file, a download or an event file is an error there and everything else works.
 */
export const withoutNode: Plugin = {
  name: "without-node",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: ONLY_IN_NODE }, ({ path }) => ({ path, namespace: "node" }));
    onLoad({ filter: /^/, namespace: "node" }, ({ path }) => ({
      contents: withoutNodeText(path, "./src/core/errors.ts"),
      resolveDir: ROOT,
    }));
  },
};

/** The substitute in a browser for the backend that needs Node: its error says so. */
export const withoutC: Plugin = {
  name: "without-c",
  setup({ onLoad }) {
    onLoad({ filter: /\/backends\/c\/backend\.ts$/ }, () => ({ contents: C_ELSEWHERE, loader: "ts" }));
  },
};

const C_ELSEWHERE = `
import { KilnError } from "../../src/core/errors.ts";
const reason = "a C compiler can be called only from Node, not from a page; the wasm backend runs everywhere";
const refuse = () => { throw new KilnError("the backend c cannot run here: " + reason); };
export const c = {
  name: "c",
  get capabilities() { return refuse(); },
  configured: () => c,
  available: () => ({ available: false, reason }),
  createStateMemory: refuse,
  compile: async () => refuse(),
};
`;

/** Puts the code of a page's worker into the module that exports its text, so that one file contains everything. */
export const withPageWorker: Plugin = {
  name: "with-page-worker",
  setup({ onLoad }) {
    onLoad({ filter: /wasm\/page\/worker-script\.ts$/ }, async () => ({
      contents: `export const WORKER_SCRIPT = ${JSON.stringify(await pageWorkerText())};`,
    }));
  },
};

/** The code of a page's worker as one classic script. */
export async function pageWorkerText(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${ROOT}/backends/wasm/page/page-worker.ts`],
    bundle: true,
    format: "iife",
    target: "es2022",
    // A classic script has no URL of its own, only that of its worker.
    define: { "import.meta.url": "self.location.href" },
    minify: true,
    platform: "browser",
    plugins: [withoutNode],
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

/** Puts the style and the script of the explorer's page into the module that exports their texts. */
export const withExplorerPage: Plugin = {
  name: "with-explorer-page",
  setup({ onLoad }) {
    onLoad({ filter: /cli\/explore\/page-parts\.ts$/ }, async () => ({
      contents: `export const pageParts = async () => (${JSON.stringify(await pageParts())});`,
    }));
  },
};
