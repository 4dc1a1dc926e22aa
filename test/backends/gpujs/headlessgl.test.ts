/** Op samples and training as real shaders, where the package `gl` and a display are there; else the reason is printed. */

import { describe, expect, test } from "vitest";
import { backendNamed } from "../../../backends/registry.ts";
import { OPS } from "../../../src/ops/registry.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";
import { graphOf, reference, sampleCases, valuesOf } from "../../support/sample-cases.ts";
import { learn } from "./learning.ts";
import { toleranceOf } from "./tolerances.ts";

const backend = await backendNamed("gpujs:headlessgl");
const { available, reason } = await backend.available();
if (!available) console.log(`gpujs:headlessgl is not tested here: ${reason}`);

describe.skipIf(!available)("gpujs:headlessgl", () => {
  test.each(sampleCases(OPS, 2 ** 24))("$label", async (sampleCase) => {
    const values = valuesOf(sampleCase);
    const { output } = await runGraph(graphOf(sampleCase), backend, values);
    const { value } = toleranceOf(sampleCase.op, "headlessgl");
    expect(relativeError(output, reference(sampleCase, values))).toBeLessThanOrEqual(value);
  });

  test("LeNet learns what it learns on js", async () => {
    const expected = await learn("js");
    const actual = await learn("gpujs:headlessgl");
    actual.losses.forEach((loss, k) => {
      expect(Math.abs(loss - expected.losses[k]) / expected.losses[k]).toBeLessThan(1e-4);
    });
    for (const name of Object.keys(expected.gradients))
      expect(relativeError(actual.gradients[name], expected.gradients[name])).toBeLessThan(1e-4);
  });
});
