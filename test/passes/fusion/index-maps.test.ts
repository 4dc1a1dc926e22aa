/** What only moves data is part of the kernels around it, where its index map is affine. */

import { describe, expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { js } from "../../../backends/js/backend.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { draw, generator } from "../../support/draw.ts";
import { evaluateGraph } from "../../support/reference.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";

const graphOf = (inputs: string, nodes: readonly string[], output: number): Graph =>
  parseGraph(
    [
      `graph g(${inputs}) {`,
      ...nodes.map((text, k) => `  %${k}: ${text}`),
      `  return y=%${output}`,
      "}",
    ].join("\n"),
    opTable,
  );

const HEADS = "{dims=[0,2,1,3]}";

const CASES: readonly { name: string; graph: Graph; groups: readonly string[] }[] = [
  {
    name: "a slice whose axis is split and permuted is read by a product",
    graph: graphOf(
      "%x: f32[2,3,12], %w: f32[2,2,3,2]",
      [
        "f32[2,3,4] = slice(%x) {starts=[0,0,4], stops=[2,3,8], steps=[1,1,1]}",
        "f32[2,3,2,2] = reshape(%0) {shape=[2,3,2,2]}",
        `f32[2,2,3,2] = permute(%1) ${HEADS}`,
        "f32[2,2,3,3] = matmul(%2, %w) {transposeA=false, transposeB=true}",
      ],
      3,
    ),
    groups: ["matmul"],
  },
  {
    name: "a product stores what is permuted and merged behind it",
    graph: graphOf(
      "%p: f32[2,2,3,3], %v: f32[2,2,3,2], %w: f32[5,4]",
      [
        "f32[2,2,3,2] = matmul(%p, %v) {transposeA=false, transposeB=false}",
        `f32[2,3,2,2] = permute(%0) ${HEADS}`,
        "f32[2,3,4] = reshape(%1) {shape=[2,3,4]}",
        "f32[2,3,5] = linear(%2, %w)",
      ],
      3,
    ),
    groups: ["matmul", "linear"],
  },
  {
    name: "what merges axes that were permuted apart is no affine map",
    graph: graphOf(
      "%x: f32[2,3,4], %w: f32[5,6]",
      [
        "f32[4,2,3] = permute(%x) {dims=[2,0,1]}",
        "f32[4,6] = reshape(%0) {shape=[4,6]}",
        "f32[3,2,4] = permute(%x) {dims=[1,0,2]}",
        "f32[6,4] = reshape(%2) {shape=[6,4]}",
        "f32[4,4] = matmul(%1, %3) {transposeA=false, transposeB=false}",
      ],
      4,
    ),
    groups: ["permute", "permute", "matmul"],
  },
  {
    name: "elementwise work before a permutation is done once, not in the product behind it",
    graph: graphOf(
      "%x: f32[3,4], %w: f32[3,5]",
      [
        "f32[3,4] = exp(%x)",
        "f32[4,3] = permute(%0) {dims=[1,0]}",
        "f32[4,5] = matmul(%1, %w) {transposeA=false, transposeB=false}",
      ],
      2,
    ),
    groups: ["exp", "matmul"],
  },
  {
    name: "a maximum is compared with the numbers it was taken from, through a slice too",
    graph: graphOf(
      "%x: f32[3,4]",
      [
        "f32[3,4] = exp(%x)",
        "f32[3,2] = slice(%0) {starts=[0,1], stops=[3,3], steps=[1,1]}",
        "f32[3,1] = max(%1) {axes=[1], keepdim=true}",
        'bool[3,2] = compare(%1, %2) {relation="eq"}',
        'f32[3,2] = cast(%3) {dtype="float32"}',
      ],
      4,
    ),
    groups: ["exp", "max_compare_cast"],
  },
  {
    name: "a reversed row and its neighbours in the other direction",
    graph: graphOf(
      "%x: f32[3,4]",
      ["f32[3,4] = flip(%x) {axes=[1]}", "f32[3,4] = add(%0, %x)", "f32[3,4] = softmax(%1) {axis=1}"],
      2,
    ),
    groups: ["add_softmax"],
  },
];

describe.each(CASES)("$name", ({ graph, groups }) => {
  test("is fused", () => {
    expect(
      fuse(js.capabilities)
        .run(graph)
        .groups!.map(({ name }) => name),
    ).toEqual(groups);
  });

  test.each([interpret, js, wasm])("is computed by $name", async (backend) => {
    const random = generator(7);
    const values = Object.fromEntries(graph.inputs.map(({ name, type }) => [name, draw(type, random)]));
    const expected = evaluateGraph(graph, values);
    const { y } = await runGraph(graph, backend, values);
    // Sums of at most six products of float32 numbers.
    expect(relativeError(y, expected.y)).toBeLessThan(1e-6);
  });
});
