/** Reductions and elementwise work that share a kernel, and what must not. */

import { describe, expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { js } from "../../../backends/js/backend.ts";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { draw, generator } from "../../support/draw.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";

const graphOf = (inputs: string, nodes: readonly string[], outputs: readonly number[]): Graph =>
  parseGraph(
    [
      `graph g(${inputs}) {`,
      ...nodes.map((text, k) => `  %${k}: ${text}`),
      `  return ${outputs.map((k) => `o${k}=%${k}`).join(", ")}`,
      "}",
    ].join("\n"),
    opTable,
  );

const groupsOf = (graph: Graph): string[] =>
  fuse(js.capabilities)
    .run(graph)
    .groups!.map(({ name }) => name);

const COLUMNS = "{axes=[0], keepdim=false}";
const KEPT = "{axes=[0], keepdim=true}";

const CASES: readonly { name: string; graph: Graph; groups: readonly string[] }[] = [
  {
    name: "two sums over one tensor",
    graph: graphOf(
      "%x: f32[4,3], %y: f32[4,3]",
      [`f32[3] = sum(%x) ${COLUMNS}`, "f32[4,3] = mul(%x, %y)", `f32[3] = sum(%1) ${COLUMNS}`],
      [0, 2],
    ),
    groups: ["sum_mul"],
  },
  {
    name: "rows that are stored, and what goes on computing with them",
    graph: graphOf(
      "%x: f32[4,3], %y: f32[4,3]",
      [
        "f32[4,3] = softmax(%x) {axis=1}",
        "f32[4,3] = mul(%0, %y)",
        `f32[3] = sum(%0) ${COLUMNS}`,
        "f32[4,3] = neg(%x)",
      ],
      [1, 2, 3],
    ),
    groups: ["softmax_mul", "sum", "neg"],
  },
  {
    name: "sums of different tensors",
    graph: graphOf(
      "%x: f32[4,3], %y: f32[4,3]",
      [`f32[3] = sum(%x) ${COLUMNS}`, `f32[3] = sum(%y) ${COLUMNS}`],
      [0, 1],
    ),
    groups: ["sum", "sum"],
  },
  {
    name: "sums over different axes",
    graph: graphOf(
      "%x: f32[3,3]",
      [`f32[3] = sum(%x) ${COLUMNS}`, "f32[3] = sum(%x) {axes=[1], keepdim=false}"],
      [0, 1],
    ),
    groups: ["sum", "sum"],
  },
  {
    name: "a mean and what is computed from it",
    graph: graphOf(
      "%x: f32[4,3]",
      [`f32[1,3] = mean(%x) ${KEPT}`, "f32[4,3] = squared_deviation(%x, %0)", `f32[1,3] = mean(%1) ${KEPT}`],
      [0, 2],
    ),
    groups: ["mean", "squared_deviation_mean"],
  },
  {
    // %0 and %5 may share a kernel, and so may %1 and %4, but not both: each pair would wait for the other.
    name: "pairs that would wait for each other",
    graph: graphOf(
      "%x: f32[4,3], %y: f32[4,3]",
      [
        `f32[1,3] = sum(%x) ${KEPT}`,
        `f32[1,3] = sum(%y) ${KEPT}`,
        "f32[4,3] = mul(%y, %0)",
        "f32[4,3] = mul(%x, %1)",
        `f32[1,3] = sum(%2) ${KEPT}`,
        `f32[1,3] = sum(%3) ${KEPT}`,
      ],
      [0, 1, 4, 5],
    ),
    groups: ["sum", "sum_mul", "mul_sum"],
  },
  {
    name: "a result and what is computed from it",
    graph: graphOf(
      "%x: f32[4,3], %y: f32[4,3]",
      ["f32[4,3] = exp(%x)", "f32[4,3] = mul(%0, %y)", "f32[4,3] = sub(%x, %y)"],
      [0, 1, 2],
    ),
    groups: ["exp_mul_sub"],
  },
  {
    name: "a result that is read in another order",
    graph: graphOf(
      "%x: f32[3,3], %y: f32[3,3]",
      ["f32[3,3] = exp(%x)", "f32[3,3] = permute(%0) {dims=[1,0]}", "f32[3,3] = mul(%1, %y)"],
      [0, 2],
    ),
    groups: ["exp", "mul"],
  },
  {
    // %2 needs the product of %0, so that it cannot be stored by the kernel that stores %0.
    name: "a result and what waits for another kernel that reads it",
    graph: graphOf(
      "%x: f32[3,3]",
      [
        "f32[3,3] = exp(%x)",
        "f32[3,3] = matmul(%0, %0) {transposeA=false, transposeB=false}",
        "f32[3,3] = permute(%1) {dims=[1,0]}",
        "f32[3,3] = mul(%0, %2)",
      ],
      [0, 1, 3],
    ),
    groups: ["exp", "matmul", "mul"],
  },
];

describe.each(CASES)("$name", ({ graph, groups }) => {
  test("become the right kernels", () => {
    expect(groupsOf(graph)).toEqual(groups);
  });

  test("compute on js what they compute in the interpreter", async () => {
    const random = generator(3);
    const values = Object.fromEntries(graph.inputs.map(({ name, type }) => [name, draw(type, random)]));
    const [actual, expected] = [await runGraph(graph, js, values), await runGraph(graph, interpret, values)];
    // Sums of four numbers in float32 against double.
    for (const name of Object.keys(expected)) {
      expect(relativeError(actual[name], expected[name])).toBeLessThan(1e-6);
    }
  });
});
