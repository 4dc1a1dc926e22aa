/** A page that is built into a folder, served from there and opened, as somebody who uses it would see it. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { serveFolder } from "../../examples/browser/static-server.ts";
import { launchChromium } from "./chromium.ts";

/** Where the screenshots go, for people to look at. */
const SCREENSHOTS = join(tmpdir(), "kiln-screenshots");

export interface ServedPage {
  readonly page: Page;
  /** What is served. */
  readonly folder: string;
  /** Messages of what was thrown in the page and caught by nobody. */
  readonly errors: readonly string[];
  /** Addresses of other servers that the page has asked. */
  readonly elsewhere: readonly string[];
  /** Waits until the page says that it is in a state. */
  inState(state: string): Promise<unknown>;
  screenshot(name: string, fullPage?: boolean): Promise<unknown>;
  close(): Promise<void>;
}

/** Has `build` fill a folder, and opens the file at `path` of it, which is served with `headers` where they are given. */
export async function openServedPage(
  build: (folder: string) => Promise<unknown>,
  path: string,
  options: BrowserContextOptions,
  headers?: Readonly<Record<string, string>>,
): Promise<ServedPage> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-page-"));
  await mkdir(SCREENSHOTS, { recursive: true });
  await build(folder);
  const server = await serveFolder(folder, 0, headers);
  const browser = await launchChromium();
  const page = await browser.newPage(options);
  const errors: string[] = [];
  const elsewhere: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("request", (request) => {
    // Threads are started from blobs.
    const isOwn = [server.url, "data:", `blob:${server.url}`].some((start) =>
      request.url().startsWith(start),
    );
    if (!isOwn) elsewhere.push(request.url());
  });
  await page.goto(new URL(path, server.url).href);
  return {
    page,
    folder,
    errors,
    elsewhere,
    inState: (state) => page.waitForFunction(`document.body.dataset.state === "${state}"`),
    screenshot: (name, fullPage = false) =>
      page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage }),
    async close() {
      await browser.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
