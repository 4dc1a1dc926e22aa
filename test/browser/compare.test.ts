/** `compareBackends` on a page: in the worker, on the main thread and on the GPU, and its result as a page of its own. */

import type { Comparison } from "kiln-js";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comparisonHtml } from "../../src/compare/report-html.ts";
import { launchChromium, skipReason } from "./chromium.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

describe.skipIf(skipReason)("compareBackends on a page", () => {
  let browser: Browser;
  let at: TestPage;
  let comparison: Comparison;
  let isSame: boolean;

  beforeAll(async () => {
    browser = await launchChromium();
    at = await openTestPage(browser, ["compare"]);
    ({ comparison, isSame } = await at.call<{ comparison: Comparison; isSame: boolean }>(
      "compare",
      "compareHere",
    ));
  });
  afterAll(async () => {
    await at?.close();
    await browser?.close();
  });

  test("measures every backend and finds nothing but rounding", () => {
    expect(isSame).toBe(true);
    expect(comparison.machine).toContain("Chrome");
    expect(comparison.results.map(({ backend }) => backend)).toEqual(["wasm", "js", "gpujs:webgl2"]);
    for (const { milliseconds, kernels, difference } of comparison.results) {
      expect(milliseconds).toBeGreaterThan(0);
      expect(kernels.length).toBeGreaterThan(5);
      expect(difference).toMatchObject({ checked: true, batchSize: 4, first: null });
    }
  });

  test.each(["light", "dark"] as const)(
    "its page asks for nothing and fits a phone (%s)",
    async (colorScheme) => {
      const page = await browser.newPage({ colorScheme, viewport: { width: 360, height: 640 } });
      const problems: string[] = [];
      page.on("request", (request) => problems.push(request.url()));
      page.on("console", (message) => problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(error.message));
      await page.setContent(comparisonHtml([comparison], "small.ts"));
      expect(problems).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
      expect(await page.locator("svg rect").count()).toBeGreaterThan(10);
      const [text, ground] = await page.evaluate<string[]>(
        "[getComputedStyle(document.querySelector('svg text')).fill, getComputedStyle(document.body).backgroundColor]",
      );
      expect([text, ground]).toEqual(
        colorScheme === "light"
          ? ["rgb(101, 109, 118)", "rgb(255, 255, 255)"]
          : ["rgb(145, 152, 161)", "rgb(13, 17, 23)"],
      );
      await page.close();
    },
  );
});
