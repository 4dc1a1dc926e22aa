/** What the forward pass keeps: the least memory from which the backward pass can compute what it reads. */

import { expect, test } from "vitest";
import { partition } from "../../../passes/graph/partition.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { opTable } from "../../../src/ops/registry.ts";

/** The first output is the loss; what the second reads of the forward pass has to be there for it. */
function partitioned(body: readonly string[]): { readonly kept: string[]; readonly recomputed: string[] } {
  const graph = parseGraph(
    `graph g(%x: f32[8,4]) params(@w: f32[4,4], @b: f32[8,4], @s: f32[4], @d8: f32[8,8], @d512: f32[8,512]) {\n${body.map((line) => `  ${line}\n`).join("")}}`,
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

const NORMALISED = [
  "%0: f32[8,4] = matmul(%x, @w) {transposeA=false, transposeB=false}",
  "%1: f32[8,4] = standardize(%0) {eps=0.1, first=0}",
  "%2: f32[8,4] = mul(%1, @s)",
];

test("the deviation of rows that a gradient wants is computed in the forward pass and kept instead of the rows", () => {
  const body = [
    ...NORMALISED,
    "%3: f32[] = sum(%2) {axes=[0,1], keepdim=false}",
    "%4: f32[8,4] = mul(%1, %x)",
    "%5: f32[4] = sum(%4) {axes=[0], keepdim=false}",
    "%6: f32[1,1] = row_deviation(%0) {axes=[0,1], eps=0.1, first=0, keepdim=true}",
    "%7: f32[8,4] = div(%x, %6)",
    "return loss=%3, grad=%7, scale=%5",
  ];
  expect(partitioned(body)).toEqual({ kept: ["%6", "%1"], recomputed: [] });
});

test.each([
  ["a wide product computes a factor again from the rows that are kept", 512, ["%2"]],
  ["a narrow one finds it in memory", 8, []],
])("%s", (_, width, again) => {
  const body = [
    ...NORMALISED,
    "%3: f32[8,4] = matmul(%2, @w) {transposeA=false, transposeB=false}",
    "%4: f32[] = sum(%3) {axes=[0,1], keepdim=false}",
    `%5: f32[4,${width}] = matmul(%2, @d${width}) {transposeA=true, transposeB=false}`,
    "%6: f32[8,4] = mul(%1, %x)",
    "%7: f32[4] = sum(%6) {axes=[0], keepdim=false}",
    "return loss=%4, grad=%5, scale=%7",
  ];
  expect(partitioned(body).recomputed).toEqual(again);
});
