/** gpu.js's browser modes over the built bundle: they learn what js learns, and leave nothing behind on the GPU. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isWhole } from "../support/extent.ts";
import { relativeError } from "../support/run-graph.ts";
import { launchChromium, skipReason } from "./chromium.ts";
import type { GpuMemory } from "./page/gpu-memory.ts";
import type { Lost } from "./page/lost.ts";
import type { Learned } from "./page/training.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

const STEPS = 5;
const BATCH = 4;

describe.skipIf(skipReason).each(["gpujs:webgl2", "gpujs:webgpu"])("%s in a browser", (backend) => {
  let browser: Browser;
  let at: TestPage;

  beforeAll(async () => {
    browser = await launchChromium();
    at = await openTestPage(browser, ["bundle", "training", "loop", "lost"]);
  });
  afterAll(async () => {
    await at?.close();
    await browser?.close();
  });

  test("runs here", async () => {
    expect(await at.call("bundle", "backendNames")).toContain(backend);
  });

  test("LeNet learns what it learns on js", async () => {
    const actual = await at.call<Learned>("training", "learn", backend, STEPS, BATCH);
    const expected = await at.call<Learned>("training", "learn", "js", STEPS, BATCH);
    expect(actual.backend).toBe(backend);
    // Sums of up to 400 products in single precision, in another order, over five steps that build on each other.
    for (const [step, loss] of expected.losses.entries())
      expect(Math.abs(actual.losses[step] - loss) / loss, `step ${step + 1}`).toBeLessThan(1e-4);
    for (const [name, gradient] of Object.entries(expected.gradients))
      expect(relativeError(actual.gradients[name], gradient), name).toBeLessThan(1e-4);
    for (const [name, parameter] of Object.entries(expected.parameters))
      expect(relativeError(actual.parameters[name], parameter), name).toBeLessThan(1e-4);
  });

  test("a recurrent net learns what it learns on js", async () => {
    const learned = (name: string) => at.call<readonly number[]>("loop", "learnSequences", name);
    const actual = await learned(backend);
    const expected = await learned("js");
    // Seven iterations of sums in another order, over four steps that build on each other.
    expect(relativeError(actual, expected)).toBeLessThan(1e-5);
  });

  test("a lost context is an error that names the step; the last mirror stays and training can go on", async () => {
    await at.page.reload();
    const { mirrored, readable, error, lossAfter } = await at.call<Lost>("lost", "lose", backend);
    expect(error).toBe(
      `KilnError: the GPU context of ${backend} was lost in step 4; the parameters are those after step 2, when they ` +
        "were last copied to the host (mirrorEvery says how often): compile the model again to continue from there",
    );
    expect(readable).toEqual(mirrored);
    expect(lossAfter).toBeGreaterThan(0);
    await at.page.reload();
  });

  test.runIf(isWhole)("200 steps leave the GPU's memory as it was", async () => {
    // Else what models of other tests have left behind may be collected while this one counts.
    await at.page.reload();
    const { before, after } = await at.call<Record<"before" | "after", GpuMemory>>(
      "training",
      "memoryOver",
      backend,
      200,
      2,
    );
    // The parameters alone are ten, and their momentum.
    expect(before.textures + before.buffers).toBeGreaterThan(20);
    expect(after).toEqual(before);
  });
});
