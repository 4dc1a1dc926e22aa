/** Every op's samples as gpu.js kernels, forward and backward, in the modes that need no GPU. */

import { describe, expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { OPS } from "../../../src/ops/registry.ts";
import { generator } from "../../support/draw.ts";
import { oneIn } from "../../support/extent.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";
import {
  differentiableInputs,
  graphOf,
  lossOf,
  reference,
  sampleCases,
  valuesOf,
} from "../../support/sample-cases.ts";
import { modeNamed } from "./modes.ts";
import { toleranceOf } from "./tolerances.ts";

/** Numbers that a kernel takes as 32-bit floats: a seed in a tensor has 24 bits there. */
const CASES = oneIn(12, sampleCases(OPS, 2 ** 24));

describe.each(["cpu", "webasm"] as const)("gpujs:%s", (mode) => {
  const backend = modeNamed(mode);

  test.each(CASES)("$label", async (sampleCase) => {
    const values = valuesOf(sampleCase);
    const { output } = await runGraph(graphOf(sampleCase), backend, values);
    const { value, gradient } = toleranceOf(sampleCase.op, mode);
    expect(relativeError(output, reference(sampleCase, values))).toBeLessThanOrEqual(value);

    const names = differentiableInputs(sampleCase);
    if (names.length === 0) return;
    const random = generator(99);
    const cotangent = reference(sampleCase, values).map(() => Math.fround(random() * 2 - 1));
    const feed = { ...values, cotangent };
    const wanted = { gradientsFor: names };
    const actual = await runGraph(lossOf(sampleCase), backend, feed, wanted);
    const expected = await runGraph(lossOf(sampleCase), interpret, feed, wanted);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const name of Object.keys(expected).filter((key) => key.startsWith("grad.")))
      expect(relativeError(actual[name], expected[name])).toBeLessThanOrEqual(gradient);
  });
});
