/** What the forward pass keeps: the least memory from which the backward pass can compute what it reads. */

import { expect, test } from "vitest";
import { partition } from "../../../passes/graph/partition.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { opTable } from "../../../src/ops/registry.ts";

/** The first output is the loss; what the second reads of the forward pass has to be there for it. */
function partitioned(body: readonly string[]): { readonly kept: string[]; readonly recomputed: string[] } {
  const graph = parseGraph(
    `graph g(%x: f32[8,4]) params(@w: f32[4,4], @b: f32[8,4]) {\n${body.map((line) => `  ${line}\n`).join("")}}`,
    opTable,
  );
  const { kept, recomputed } = partition.run(graph).partition!;
  const place = (node: (typeof kept)[number]): string => `%${graph.nodes.indexOf(node)}`;
  return { kept: kept.map(place), recomputed: recomputed.map(place) };
}

test("several values that follow from one are computed again from it", () => {
  const body = [
    "%0: f32[8,4] = matmul(%x, @w) {transposeA=false, transposeB=false}",
    "%1: f32[8,4] = exp(%0)",
    "%2: f32[8,4] = mul(%0, %0)",
    "%3: f32[8,4] = add(%1, %2)",
    "%4: f32[] = sum(%3) {axes=[0,1], keepdim=false}",
    "%5: f32[8,4] = mul(%1, %2)",
    "return loss=%4, grad=%5",
  ];
  expect(partitioned(body)).toEqual({ kept: ["%0"], recomputed: ["%1", "%2"] });
});

test("a single value is kept itself, although what it follows from would take no more", () => {
  const body = [
    "%0: f32[8,4] = matmul(%x, @w) {transposeA=false, transposeB=false}",
    "%1: f32[8,4] = exp(%0)",
    "%2: f32[] = sum(%1) {axes=[0,1], keepdim=false}",
    "%3: f32[8,4] = neg(%1)",
    "return loss=%2, grad=%3",
  ];
  expect(partitioned(body)).toEqual({ kept: ["%1"], recomputed: [] });
});

test("what follows from inputs and parameters alone is computed again, whatever it takes", () => {
  const body = [
    "%0: f32[8,4] = mul(%x, @b)",
    "%1: f32[8,4] = exp(%0)",
    "%2: f32[] = sum(%1) {axes=[0,1], keepdim=false}",
    "%3: f32[8,4] = neg(%1)",
    "return loss=%2, grad=%3",
  ];
  expect(partitioned(body)).toEqual({ kept: [], recomputed: ["%0", "%1"] });
});

test("what a product reads lies in memory in any case, and others are computed from it", () => {
  const body = [
    "%0: f32[8,4] = matmul(%x, @w) {transposeA=false, transposeB=false}",
    "%1: f32[8,4] = exp(%0)",
    "%2: f32[8,4] = matmul(%1, @w) {transposeA=false, transposeB=false}",
    "%3: f32[8,4] = neg(%1)",
    "%4: f32[8,4] = add(%2, %3)",
    "%5: f32[] = sum(%4) {axes=[0,1], keepdim=false}",
    "%6: f32[8,4] = mul(%1, %3)",
    "return loss=%5, grad=%6",
  ];
  expect(partitioned(body)).toEqual({ kept: ["%1"], recomputed: ["%3"] });
});

test("a narrow result is kept rather than the wide one that it follows from", () => {
  const body = [
    "%0: f32[8,4] = matmul(%x, @w) {transposeA=false, transposeB=false}",
    "%1: f32[8,1] = sum(%0) {axes=[1], keepdim=true}",
    "%2: f32[8,1] = exp(%1)",
    "%3: f32[8,1] = neg(%2)",
    "%4: f32[] = sum(%3) {axes=[0,1], keepdim=false}",
    "%5: f32[8,1] = mul(%2, %3)",
    "return loss=%4, grad=%5",
  ];
  expect(partitioned(body)).toEqual({ kept: ["%2"], recomputed: ["%3"] });
});
