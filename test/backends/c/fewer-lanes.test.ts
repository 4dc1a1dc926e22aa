/** Kernels in fewer lanes than the machine has, beside others in all of them: rows that do not fill a vector. */

import { describe, expect, test } from "vitest";
import { createCBackend } from "../../../backends/c/backend.ts";
import { printPrograms } from "../../../backends/c/source.ts";
import { interpret } from "../../../backends/interpret/backend.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { planOf, relativeError, runGraph } from "../../support/run-graph.ts";
import { isHere, title } from "./toolchain.ts";

const LANES = 16;

/** A depthwise convolution with rows of eight, a function of its results, and a product whose rows fill vectors. */
const GRAPH = `graph net(%x: f32[4,32,8,8], %v: f32[64,256]) params(@w: f32[32,1,3,3]) {
  %0: f32[4,32,8,8] = conv2d(%x, @w) {dilation=[1,1], groups=32, padding=[1,1], stride=[1,1]}
  %1: f32[4,32,8,8] = exp(%0)
  %2: f32[128,64] = reshape(%1) {shape=[128,64]}
  %3: f32[128,256] = matmul(%2, %v) {transposeA=false, transposeB=false}
  return y=%3
}`;

const numbers = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, k) => Math.sin(k * k) / 2);

describe.skipIf(!isHere)(title("fewer lanes"), () => {
  test("stand beside all of them in one program", async () => {
    const backend = createCBackend({ lanes: LANES, threads: 1 });
    const graph = parseGraph(GRAPH, opTable);
    const { files } = printPrograms([planOf(graph, backend)], { lanes: LANES, isFused: false }, 1);
    const counts = [...files.join().matchAll(/\/\/ \w+ in (\d+) lanes/g)].map(([, count]) => Number(count));
    expect(Math.max(...counts)).toBe(LANES);
    expect(Math.min(...counts)).toBeLessThan(LANES);
    const values = { x: numbers(4 * 32 * 64), w: numbers(32 * 9), v: numbers(64 * 256) };
    const expected = await runGraph(graph, interpret, values);
    const actual = await runGraph(graph, backend, values);
    for (const [name, found] of Object.entries(expected))
      expect(relativeError(actual[name], found)).toBeLessThan(2e-6);
  });
});
