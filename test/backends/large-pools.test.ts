/** Max-pools whose winners need more than a byte: above 256 taps they are int32, and every way to run the gradients reads them so. */

import { expect, test } from "vitest";
import { backendNamed } from "../../backends/registry.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";
import { draw, generator } from "../support/draw.ts";
import { relativeError, runGraph } from "../support/run-graph.ts";

/** The first that a byte cannot tell apart, and larger ones. */
const WINDOWS: readonly (readonly [number, number])[] = [
  [17, 17],
  [16, 25],
];

/** What reads winners: lists of them and Winograd's planes; whatever else runs reads them as the cost model likes best. */
const READERS = ["sparse", "winograd", undefined];

/** Largest difference over largest value: sums of a few hundred products, and Winograd's where it runs. */
const TOLERANCE = 5e-5;

/** A convolution whose gradients Winograd, tiles and winner lists can run, with relu and the pool behind it. */
function net(window: readonly [number, number]): Graph {
  const b = new GraphBuilder(opTable);
  const state = (name: string, shape: readonly number[]): Value =>
    b.input("state", name, { dtype: "float32", shape });
  const convolution = { stride: [1, 1], dilation: [1, 1], groups: 1 };
  const [rows, columns] = window;
  const image = state("image", [2, 1, 2 * rows, 2 * columns]);
  const first = b.node("conv2d", [image, state("conv1.weight", [2, 1, 1, 1])], {
    ...convolution,
    padding: [0, 0],
  });
  const second = b.node("conv2d", [first, state("conv2.weight", [2, 2, 3, 3])], {
    ...convolution,
    padding: [1, 1],
  });
  const pool = { kernel: window, stride: window, padding: [0, 0], dilation: [1, 1], ceilMode: false };
  const pooled = b.node("max_pool2d", [b.node("relu", [second])], pool);
  const square = b.node("mul", [pooled, pooled]);
  const loss = b.node("sum", [square], { axes: [0, 1, 2, 3], keepdim: false });
  return b.build("pools", [{ name: "loss", value: loss }]);
}

test.each(WINDOWS)("gradients behind windows of %i by %i", async (rows, columns) => {
  const graph = net([rows, columns]);
  const random = generator(rows);
  const values: Record<string, TypedArray> = Object.fromEntries(
    graph.inputs.map(({ name, type }) => [name, draw(type, random)]),
  );
  const gradientsFor = graph.inputs.map(({ name }) => name);
  const expected = await runGraph(graph, await backendNamed("interpret"), values, { gradientsFor });
  const ways = [
    ...READERS.map((strategy) => ({ backend: wasm, options: strategy === undefined ? {} : { strategy } })),
    { backend: wasm.configured({ threads: 2 }), options: { divideAlways: true } },
    { backend: await backendNamed("js"), options: {} },
    { backend: await backendNamed("js"), options: { strategy: "sparse" } },
    { backend: await backendNamed("gpujs:cpu"), options: {} },
  ];
  for (const { backend, options } of ways) {
    const actual = await runGraph(graph, backend, values, { gradientsFor, ...options });
    for (const [name, numbers] of Object.entries(expected)) {
      const error = relativeError(actual[name], numbers);
      expect(error, `${name} on ${backend.name} ${JSON.stringify(options)}`).toBeLessThanOrEqual(TOLERANCE);
    }
  }
});
