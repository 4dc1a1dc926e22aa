/** What is left of the normal distribution's tails in float32: digits, not only absolute accuracy, and the ends. */

import { expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { opTable } from "../../src/ops/registry.ts";
import { runGraph } from "../support/run-graph.ts";

async function valuesOf(op: string, x: Float32Array, backend: Backend): Promise<ArrayLike<number>> {
  const b = new GraphBuilder(opTable);
  const input = b.input("state", "x", { dtype: "float32", shape: [x.length] });
  const graph = b.build(op, [{ name: "y", value: b.node(op, [input]) }]);
  return (await runGraph(graph, backend, { x })).y;
}

/** The distance of neighbouring float32 around `value`. */
const unit = (value: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -126) - 23);

/**
 * Units in the last place: the exponential, the polynomial and the products each err by one or so, and the exponent of the
 * bell by x²/2 of them, which erfc makes good.
 */
test.each([
  { op: "gelu", from: -12.5, to: 13, most: (x: number) => 6 + x ** 2 / 2 },
  // The slope crosses 0 at -0.75: what it is off by there counts from its parts.
  { op: "gelu_slope", from: -12.5, to: -2, most: (x: number) => 6 + x ** 2 / 2 },
  { op: "gelu_slope", from: 0, to: 13, most: () => 5 },
  { op: "erf", from: -5, to: 5, most: () => 4 },
  { op: "erfc", from: -4, to: 9.1, most: () => 8 },
])("$op keeps its digits from $from to $to", async ({ op, from, to, most }) => {
  const x = Float32Array.from({ length: 40_003 }, (_, k) => from + ((to - from) * k) / 40_003);
  const [actual, exact] = [await valuesOf(op, x, wasm), await valuesOf(op, x, interpret)];
  const worst = x.reduce((sum, at, k) => {
    const units = Math.abs(actual[k] - exact[k]) / unit(exact[k]);
    return Math.max(sum, units / most(at));
  }, 0);
  expect(worst).toBeLessThanOrEqual(1);
});

test("gelu and its slope at the ends, as PyTorch has them", async () => {
  const x = Float32Array.of(0, -0, 1e-40, -1e-40, 20, -20, 3e38, -3e38, Infinity, -Infinity, NaN, 0.25);
  expect([...Array.from(await valuesOf("gelu", x, wasm))].slice(0, 11)).toEqual([
    0,
    -0,
    Math.fround(Math.fround(1e-40) / 2),
    Math.fround(Math.fround(-1e-40) / 2),
    20,
    -0,
    Math.fround(3e38),
    -0,
    Infinity,
    NaN,
    NaN,
  ]);
  expect([...Array.from(await valuesOf("gelu_slope", x, wasm))].slice(0, 11)).toEqual([
    0.5,
    0.5,
    0.5,
    0.5,
    1,
    0,
    1,
    0,
    NaN,
    NaN,
    NaN,
  ]);
});
