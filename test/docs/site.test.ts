/** The documentation as one folder of files: every link leads somewhere, pages open without a server, and search works. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPages } from "../../site/build.ts";
import { CHAPTERS } from "../../site/pages.ts";
import { launchChromium, skipReason } from "../browser/chromium.ts";

/** The reference of the whole API is made in half a minute, which is too long for every change. */
const isAsked = process.env.KILN_LONG_RUNS !== undefined;

describe.skipIf(skipReason || !isAsked)("the site", () => {
  const folder = mkdtempSync(join(tmpdir(), "kiln-site-"));
  let browser: Browser;

  beforeAll(async () => {
    await buildPages(folder); // throws for a link that leads nowhere
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("opens from files, with all pages in the menu and what is searched for in the results", async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(join(folder, "index.html")).href);
    const menu = page.locator("#tsd-nav-container a[href*='pages/']");
    await menu.first().waitFor();
    expect(await menu.count()).toBe(CHAPTERS.flatMap(({ pages }) => pages).length);
    await menu.first().click();
    expect(await page.locator("h1").first().innerText()).toContain("Getting started");
    await page.locator("#tsd-search-trigger").click();
    await page.keyboard.type("crossEntropy");
    const found = page.locator("#tsd-search a", { hasText: "F.crossEntropy" });
    await found.first().click();
    expect(page.url()).toContain("functions/kiln-js.F.crossEntropy.html");
  });
});
