/** Which kernels are worth dividing among threads. */

import { expect, test } from "vitest";
import { wasm } from "../../../backends/wasm/backend.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { planOf } from "../../support/run-graph.ts";

/** The threads of a kernel that does `op` to 8,192 numbers, before a product that brings several threads to life. */
function threadsFor(op: string): number {
  const graph = parseGraph(
    `graph beside(%x: f32[32,256], %y: f32[256,256]) {
  %0: f32[32,256] = ${op}
  %1: f32[32,256] = matmul(%0, %y) {transposeA=false, transposeB=false}
  return a=%0, b=%1
}`,
    opTable,
  );
  const { kernels } = planOf(graph, wasm.configured({ threads: 2 }));
  return kernels.find(({ buffers }) => buffers.some(({ name }) => name === "x"))?.threads ?? 1;
}

test("functions count for what they take: a cell's are divided where as many additions are not", () => {
  expect(threadsFor("add(%x, %x)")).toBe(1);
  expect(threadsFor("tanh(%x)")).toBe(2);
});
