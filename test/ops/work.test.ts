/** The operations of single nodes: every op has them, and what a row shares counts once for the row. */

import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Attrs } from "../../src/ir/types.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { workOf } from "../../src/ops/work.ts";
import { graphOf, sampleCases } from "../support/sample-cases.ts";

/** The operations of `op` on float32 inputs of these shapes. */
function flopsOf(op: string, shapes: readonly (readonly number[])[], attrs: Attrs = {}): number {
  const b = new GraphBuilder(opTable);
  const inputs = shapes.map((shape, k) => b.input("input", `x${k}`, { dtype: "float32", shape }));
  return workOf(b.node(op, inputs, attrs)).flops;
}

test("each node of every op's samples has a whole number of operations", () => {
  const bad = sampleCases(OPS).flatMap((sample) =>
    graphOf(sample)
      .nodes.map((node) => workOf(node).flops)
      .filter((flops) => !(Number.isSafeInteger(flops) && flops >= 0))
      .map((flops) => `${sample.label}: ${flops}`),
  );
  expect(bad).toEqual([]);
});

test("sums of products are a multiplication and an addition for each term", () => {
  expect(
    flopsOf(
      "matmul",
      [
        [2, 3],
        [3, 4],
      ],
      { transposeA: false, transposeB: false },
    ),
  ).toBe(2 * 2 * 3 * 4);
  const conv = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 2 };
  // Padding is counted: three by three taps of the two channels of a group for each of 6×5×5 outputs.
  expect(
    flopsOf(
      "conv2d",
      [
        [1, 4, 5, 5],
        [6, 2, 3, 3],
      ],
      conv,
    ),
  ).toBe(2 * 6 * 25 * 2 * 9);
});

test("what does not change along a row is counted once for it", () => {
  // Of each element the maximum, a difference, an exponential and a sum; for its share the first two again, and a quotient.
  expect(flopsOf("softmax", [[5, 7]], { axis: 1 })).toBe(7 * 35);
  expect(flopsOf("sum", [[5, 7]], { axes: [1], keepdim: false })).toBe(35);
});

test("what moves data computes nothing, and reads what it moves", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", { dtype: "float32", shape: [2, 3] });
  for (const node of [b.node("permute", [x], { dims: [1, 0] }), b.node("reshape", [x], { shape: [6] })])
    expect(workOf(node)).toEqual({ flops: 0, reads: [x] });
});
