/** `KILN_DEBUG`, `profile()` and `watch` on a page, where wasm runs in a worker. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium, skipReason } from "./chromium.ts";
import type { Debugged } from "./page/debugging.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

describe.skipIf(skipReason)("looking inside on a page", () => {
  let browser: Browser;
  let at: TestPage;

  beforeAll(async () => {
    browser = await launchChromium();
    at = await openTestPage(browser, ["debugging"]);
  });
  afterAll(async () => {
    await at?.close();
    await browser?.close();
  });

  test.each(["wasm", "js"])("%s shows compilations, measures kernels and finds a NaN", async (backend) => {
    const { lines, profile, kernels, unchanged, failure } = await at.call<Debugged>(
      "debugging",
      "debugged",
      backend,
    );
    expect(lines[0]).toMatch(
      new RegExp(`^kiln: logarithm training step .*: compiled in .* ms, ${backend} on 1 thread`),
    );
    expect(lines.filter((line) => line.startsWith("kiln:   pass "))).not.toEqual([]);
    expect(profile).toMatch(new RegExp(`^${backend}: [\\d.]+ ms a run`));
    for (const kernel of kernels) expect(profile).toContain(`\n  ${kernel} `);
    expect(unchanged).toBe(true);
    expect(failure).toMatch(/^run 1 makes NaN: kernel \w+ .* at \[0,0\] of .* = log: f32\[2,3\]; it reads /);
  });
});
