/** Ops with several results: which kernels they become, and how they show to those who use them. */

import { arange, F, full, Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import type { OpDef } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { planOf, runGraph } from "../support/run-graph.ts";

const BACKENDS = [interpret, js, wasm, await backendNamed("gpujs:cpu")].map(
  (backend) => [backend.name, backend] as const,
);

/** Which buffers each kernel writes. */
const stores = (text: string, capabilities = js.capabilities): string[][] =>
  planOf(parseGraph(text, opTable), { ...js, capabilities }).kernels.map(({ buffers }) =>
    buffers.filter(({ access }) => access !== "read").map(({ name }) => name),
  );

const graph = (outputs: string): string => `graph largest(%x: f32[4,9]) {
  %0: (f32[4], i32[4]) = max_dim(%x) {axes=[1], keepdim=false}
  %1: i32[4] = result_of(%0) {index=1}
  return ${outputs}
}`;

describe("kernels", () => {
  test("one stores all results that are read, and computes no others", () => {
    expect(stores(graph("values=%0, indices=%1"))).toEqual([["max_dim", "max_dim_argmax"]]);
    expect(stores(graph("values=%0"))).toEqual([["max_dim"]]);
    expect(stores(graph("indices=%1"))).toEqual([["max_dim_argmax"]]);
  });

  test("a backend that stores one value at a time gets one for each", () => {
    const narrow = { ...js.capabilities, maxOutputs: 1 };
    expect(stores(graph("values=%0, indices=%1"), narrow)).toEqual([["max_dim"], ["max_dim_argmax"]]);
  });
});

test("an op reads the first result of another, and has one itself", () => {
  const values = opTable.infer("max_dim", [{ dtype: "float32", shape: [4, 9] }], {
    axes: [1],
    keepdim: false,
  });
  expect(values.others).toHaveLength(1);
  expect(opTable.infer("neg", [values], {})).toEqual({ dtype: "float32", shape: [4] });
});

test.each(Object.values(OPS).map((op): [string, OpDef] => [op.name, op]))(
  "%s has a word for each of its further results",
  (name, { pattern, furtherResults = [], samples }) => {
    for (const { inputs, attrs } of pattern === "loop" ? [] : samples())
      expect(opTable.infer(name, inputs, attrs).others ?? []).toHaveLength(furtherResults.length);
  },
);

test("a result shows as the op that it is one of, and its gradient goes to the elements that were chosen", async () => {
  const x = tensor([
    [1, 5, 5],
    [7, 3, 4],
  ]).requiresGrad_();
  const { values, indices } = x.max(1);
  expect([values.gradFn?.name, indices.gradFn]).toEqual(["MaxBackward", null]);
  expect(values.gradFn?.nextFunctions.map(([next]) => next?.name)).toEqual(["AccumulateGrad"]);
  values.sum().backward();
  expect(await x.grad?.array()).toEqual([
    [0, 1, 0],
    [1, 0, 0],
  ]);
});

test.each([
  { extents: [3, 3], options: { stride: 1, padding: 1 }, expected: [0, 0, 1, 0, 0, 1, 3, 3, 4] },
  { extents: [5, 6], options: { stride: 2, padding: 1, dilation: 2 }, expected: [7, 7, 7, 7] },
])("the first position of a window without numbers wins, as in PyTorch: $options", async (c) => {
  const [rows, columns] = c.extents;
  const x = Tensor.fromData(
    new Float32Array(rows * columns).fill(Number.NEGATIVE_INFINITY),
    [1, 1, rows, columns],
    "float32",
  );
  const [, indices] = F.maxPool2d(x, 3, { ...c.options, returnIndices: true });
  expect([...(await indices.data())]).toEqual(c.expected);
});

test("the gradient of a window without numbers stays inside of the input, as in PyTorch", async () => {
  const x = full([1, 1, 3, 3], Number.NEGATIVE_INFINITY).requiresGrad_();
  const cotangent = arange(1, 10).reshape(1, 1, 3, 3);
  F.maxPool2d(x, 3, { stride: 1, padding: 1 }).backward(cotangent);
  expect([...((await x.grad?.data()) ?? [])]).toEqual([12, 9, 0, 15, 9, 0, 0, 0, 0]);
});

test.each(BACKENDS)(
  "of several NaN the first is the largest, as in PyTorch, on %s",
  async (name, backend) => {
    const rows = Array.from({ length: 5 }, (_, row) =>
      Array.from({ length: 9 }, (_, k) => (k % 4 === row % 4 ? Number.NaN : k === 8 ? Infinity : k)),
    ).flat();
    const text = graph("values=%0, indices=%1").replace("4,9", "5,9").replaceAll("[4]", "[5]");
    const { values, indices } = await runGraph(parseGraph(text, opTable), backend, {
      x: Float32Array.from(rows),
    });
    expect([...values], name).toEqual(Array(5).fill(Number.NaN));
    expect([...indices], name).toEqual([0, 1, 2, 3, 0]);
  },
);
