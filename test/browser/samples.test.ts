/** Every op's samples as WebGL 2 shaders in a browser, forward and backward. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPS } from "../../src/ops/registry.ts";
import { toleranceOf } from "../backends/gpujs/tolerances.ts";
import { launchChromium, skipReason } from "./chromium.ts";
import type { SampleResult } from "./page/samples.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

describe.skipIf(skipReason)("gpujs:webgl2 in a browser", () => {
  let browser: Browser;
  let at: TestPage;

  beforeAll(async () => {
    browser = await launchChromium();
    at = await openTestPage(browser, ["samples"]);
  });
  afterAll(async () => {
    await at?.close();
    await browser?.close();
  });

  test.each(Object.keys(OPS))("%s", async (op) => {
    const results = await at.call<SampleResult[]>("samples", "run", "gpujs:webgl2", op);
    expect(results.length).toBeGreaterThan(0);
    const { value, gradient } = toleranceOf(op, "webgl2");
    for (const result of results) {
      expect(result.value, result.label).toBeLessThanOrEqual(value);
      expect(result.gradient, `gradient of ${result.label}`).toBeLessThanOrEqual(gradient);
    }
  });
});
