/** Every op's samples in a browser, forward and backward: as WebGL 2 shaders, and as WebAssembly in the page's worker. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPS } from "../../src/ops/registry.ts";
import { type Tolerance, toleranceOf } from "../backends/gpujs/tolerances.ts";
import { oneIn } from "../support/extent.ts";
import { launchChromium, skipReason } from "./chromium.ts";
import type { SampleResult } from "./page/samples.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

/** wasm rounds every operation to single precision (6e-8), and samples and their gradients chain a dozen or two of them. */
const SINGLE: Tolerance = { value: 1e-6, gradient: 2e-6 };

const TOLERANCES: Readonly<Record<string, (op: string) => Tolerance>> = {
  "gpujs:webgl2": (op) => toleranceOf(op, "webgl2"),
  wasm: () => SINGLE,
};

describe.skipIf(skipReason).each(Object.entries(TOLERANCES))("%s in a browser", (backend, tolerance) => {
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

  // An op without samples, as `result_of`, which needs an op of several results before it, is tested with that one.
  const sampled = Object.values(OPS).flatMap(({ name, samples }) => (samples().length > 0 ? [name] : []));
  test.each(oneIn(10, sampled))("%s", async (op) => {
    const results = await at.call<SampleResult[]>("samples", "run", backend, op);
    expect(results.length).toBeGreaterThan(0);
    const { value, gradient } = tolerance(op);
    for (const result of results) {
      expect(result.value, result.label).toBeLessThanOrEqual(value);
      expect(result.gradient, `gradient of ${result.label}`).toBeLessThanOrEqual(gradient);
    }
  });
});
