/** What whole numbers may be: what definitions say of them, and where lowered kernels declare it. */

import { describe, expect, test } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { fuse } from "../../passes/fusion/fuse.ts";
import { lower } from "../../passes/lowering/lower.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import type { Graph } from "../../src/ir/types.ts";
import { rangesOf } from "../../src/ops/ranges.ts";
import { opTable } from "../../src/ops/registry.ts";

const parse = (text: string): Graph => parseGraph(text, opTable);

/** The ranges of a graph's outputs, by name. */
const outputRanges = (graph: Graph) => {
  const ranges = rangesOf(graph);
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, ranges.get(value)]));
};

describe("ranges of whole numbers", () => {
  test("follow from ops, through whatever moves them, and end where int32 does", () => {
    const graph = parse(`graph ranges(%x: f32[4,9]) {
      %0: (f32[4], i32[4]) = max_dim(%x) {axes=[1], keepdim=false}
      %1: i32[4] = result_of(%0) {index=1}
      %2: i32[4] = flip(%1) {axes=[0]}
      %3: i32[] = constant() {dtype="int32", value=2147483647}
      %4: i32[4] = add(%2, %3)
      return flipped=%2, wrapped=%4
}`);
    expect(outputRanges(graph)).toEqual({ flipped: [0, 8], wrapped: undefined });
  });

  test("are declared by buffers where the kernel that stores them shows it", () => {
    const graph = parse(`graph positions(%x: f32[2,3,7,5], $seed: i32[], $step: i32[]) {
      %0: (f32[2,3,3,2], u8[2,3,3,2], i32[2,3,3,2]) = adaptive_max_pool2d(%x) {outputSize=[3,2]}
      %1: u8[2,3,3,2] = result_of(%0) {index=1}
      %2: (f32[2,3,7], i32[2,3,7]) = max_dim(%x) {axes=[3], keepdim=false}
      %3: i32[2,3,7] = result_of(%2) {index=1}
      %4: i32[2,4] = randint($seed, $step) {below=5, blocks=2, stream="here"}
      return taps=%1, columns=%3, drawn=%4
}`);
    const { kernels } = lower.run(fuse(js.capabilities).run(graph));
    const declared = kernels.flatMap(({ buffers }) => buffers.map(({ name, range }) => [name, range]));
    expect(Object.fromEntries(declared.filter(([name]) => name !== "x"))).toEqual({
      adaptive_max_pool2d_argmax: [0, 8],
      max_dim_argmax: [0, 4],
      // It follows from the arithmetic of words, which nobody proves.
      randint: undefined,
    });
  });
});
