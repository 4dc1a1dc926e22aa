/** A page with Kiln's browser bundle, as `npm run build` makes it, and modules that tests call in it. */

import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { buildBrowserBundle, buildPageWorker, withPageWorker } from "../../bundle.config.ts";
import { serveFolder } from "../../examples/browser/static-server.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What bare names in the bundle and the modules mean. */
const KILN = { "kiln-js": "./kiln.browser.js" };
const GPU_JS = { "gpu.js": "./gpu-browser.js" };

const html = (imports: Readonly<Record<string, string>>): string =>
  [
    "<!doctype html>",
    '<meta charset="utf-8"><title>Tests</title><link rel="icon" href="data:,">',
    `<script type="importmap">${JSON.stringify({ imports })}</script>`,
  ].join("\n");

export interface TestPage {
  readonly page: Page;
  readonly url: string;
  /** What a function that a module of test/browser/page exports comes to in the page. */
  call<Result>(module: string, name: string, ...args: readonly unknown[]): Promise<Result>;
  close(): Promise<void>;
}

/**
 * Builds `modules` of test/browser/page beside the bundle, and opens a page that can import them. It is served with `headers`:
 * none by default, so that it is not cross-origin isolated.
 */
export async function openTestPage(
  browser: Browser,
  modules: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<TestPage> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-browser-test-"));
  await buildBrowserBundle(join(folder, "kiln.browser.js"));
  await buildPageWorker(join(folder, "kiln.worker.js"));
  await build({
    bundle: true,
    format: "esm",
    target: "es2022",
    logLevel: "warning",
    entryPoints: modules.map((name) => here(`page/${name}.ts`)),
    outdir: folder,
    external: ["kiln-js", "gpu.js"],
    plugins: [withPageWorker],
    // Not the sources, to which tsconfig.json leads.
    tsconfigRaw: {},
  });
  await writeFile(join(folder, "index.html"), html({ ...KILN, ...GPU_JS }));
  await writeFile(join(folder, "without-gpu-js.html"), html(KILN));
  await copyFile(here("../../node_modules/gpu.js/dist/gpu-browser.js"), join(folder, "gpu-browser.js"));
  const server = await serveFolder(folder, 0, headers);
  const page = await browser.newPage();
  await page.goto(server.url);
  return {
    page,
    url: server.url,
    call: (module, name, ...args) =>
      page.evaluate(`import("./${module}.js").then((m) => m.${name}(...${JSON.stringify(args)}))`),
    close: async () => {
      await page.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
