/** Loops without turns and buffers without elements: verified, scheduled, placed and read back like all others. */

import { expect, test } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { add, float, int, load, reduce, variable } from "../../src/loop/build.ts";
import { printExpr } from "../../src/loop/print.ts";
import type { Kernel, ReduceOp } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";
import { opTable } from "../../src/ops/registry.ts";
import { expectRoundTrip } from "../support/program-text.ts";
import { planOf, runGraph } from "../support/run-graph.ts";

/** Stores far outside of what it loads from far outside, `extent` times. */
const wild = (extent: number): Kernel => ({
  name: "wild",
  ops: [],
  buffers: [
    { name: "x", dtype: "float32", length: 0, access: "read" },
    { name: "y", dtype: "float32", length: 0, access: "write" },
  ],
  scalars: [],
  body: [
    {
      kind: "for",
      name: "i",
      extent,
      loop: "grid",
      body: [
        {
          kind: "store",
          buffer: "y",
          index: add(variable("i"), int(7)),
          value: load("x", "float32", int(-3)),
        },
      ],
    },
  ],
  origins: [],
  nominalFlops: 0,
});

test("what is never evaluated cannot leave its buffer", () => {
  expect(() => verifyKernel(wild(0))).not.toThrow();
  expect(() => verifyKernel(wild(1))).toThrow("out of bounds");
});

test.each<[ReduceOp, string]>([
  ["sum", printExpr(float(0))],
  ["max", printExpr(float(Number.NEGATIVE_INFINITY))],
  ["argmax", printExpr(int(0))],
])("a reduction over nothing, %s, is its identity", (op, text) => {
  const axes = [
    { name: "j", extent: 3 },
    { name: "k", extent: 0 },
  ];
  expect(printExpr(reduce(op, axes, ([j]) => load("x", "float32", j)))).toBe(text);
});

const graph = () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("state", "x", { dtype: "float32", shape: [0, 3] });
  const w = b.input("state", "w", { dtype: "float32", shape: [3, 2] });
  const rows = b.node("relu", [b.node("matmul", [x, w], { transposeA: false, transposeB: false })]);
  const sum = b.node("sum", [rows], { axes: [0], keepdim: false });
  return b.build("empty", [
    { name: "rows", value: rows },
    { name: "sum", value: sum },
  ]);
};

const threaded = wasm.configured({ threads: 2 });

test.each([js, wasm, threaded])("a program of them on $name", async (backend) => {
  const plan = planOf(graph(), backend, { divideAlways: true });
  expectRoundTrip(backend.name, plan);
  expect(plan.outputs[0].shape).toEqual([0, 2]);

  expect(plan.placements.every(({ first, last }) => Number.isFinite(first) && Number.isFinite(last))).toBe(
    true,
  );
  const results = await runGraph(graph(), backend, { w: new Float32Array(6).fill(1) });
  expect(results.rows).toHaveLength(0);
  expect([...results.sum]).toEqual([0, 0]);
});

test.each(["plain", "tile"])("%s forced, they run as they are", (strategy) => {
  const { kernels } = planOf(graph(), wasm, { strategy });
  const idle = kernels.filter(({ body }) => body.some((s) => s.kind === "for" && s.extent === 0));
  expect(idle.map(({ schedule }) => schedule)).toEqual([[]]);
});
