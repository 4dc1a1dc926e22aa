/** What stands in the published files for parts that only Node has, or that are texts made of other sources. */

import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { pageParts } from "../src/cli/explore/page-parts.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What only Node has: its own modules, and the decoder of JPEG files, which only folders of images ask for. */
export const ONLY_IN_NODE = /^node:|^jpeg-js$/;

/** The module that stands for one of these in a browser, where loading it is an error. */
export const withoutNodeText = (path: string, errors: string): string =>
  [
    `import { KilnError } from "${errors}";`,
    `throw new KilnError("files and downloads need Node: a browser has no ${path}");`,
  ].join("\n");

/**
 * Kiln asks for Node's modules where it needs them and not before. In a browser each of them is a module that cannot
 * be loaded, so that reading a file, a download or an event file is one error there and everything else works.
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

/** The backend that only Node can run, in a browser: it says so. */
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

/** Puts what a page's worker runs into the file that stands for its text, so that one file holds it all. */
export const withPageWorker: Plugin = {
  name: "with-page-worker",
  setup({ onLoad }) {
    onLoad({ filter: /wasm\/page\/worker-script\.ts$/ }, async () => ({
      contents: `export const WORKER_SCRIPT = ${JSON.stringify(await pageWorkerText())};`,
    }));
  },
};

/** What a page's worker runs, as one classic script. */
export async function pageWorkerText(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${ROOT}/backends/wasm/page/page-worker.ts`],
    bundle: true,
    format: "iife",
    target: "es2022",
    // A script has no address of its own, but that of the worker it runs in.
    define: { "import.meta.url": "self.location.href" },
    minify: true,
    platform: "browser",
    plugins: [withoutNode],
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

/** Puts the style and the script of the explorer's page into the file that stands for their texts. */
export const withExplorerPage: Plugin = {
  name: "with-explorer-page",
  setup({ onLoad }) {
    onLoad({ filter: /cli\/explore\/page-parts\.ts$/ }, async () => ({
      contents: `export const pageParts = async () => (${JSON.stringify(await pageParts())});`,
    }));
  },
};
