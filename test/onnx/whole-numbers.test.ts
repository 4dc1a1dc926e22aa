/**
 * Whole numbers of ONNX that int32 does not hold: those of 32 bits without a sign are computed exactly, those of 64 bits
 * exactly or not at all.
 */

import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/core/dtype.ts";
import { compile, type Tensor, tensor } from "../../src/index.ts";
import { importOnnx } from "../../src/onnx/index.ts";
import type { ElementType } from "../../src/onnx/port.ts";
import { tensorProto } from "../../src/onnx/tensor-proto.ts";
import { type GraphInit, int64s, modelBytes, node, port } from "./models.ts";

const BACKENDS = ["interpret", "js", "wasm"] as const;

/** What a graph gives for its inputs. */
async function run(graph: GraphInit, inputs: readonly Tensor[], backend: string): Promise<number[][]> {
  const net = await importOnnx<Tensor | Tensor[]>(modelBytes(graph, 23));
  const program = await compile(net, {
    inputs: inputs.map(({ shape, dtype }) => ({ shape, dtype })),
    backend,
  } as never);
  try {
    const results = [await program.run(...inputs)].flat() as Tensor[];
    return await Promise.all(results.map(async (result) => [...(await result.data())]));
  } finally {
    await program.dispose();
  }
}

const words = (numbers: readonly number[]): Tensor => tensor(Int32Array.from(numbers, (n) => n | 0));
const whole = (numbers: readonly number[]): Tensor => tensor(Int32Array.from(numbers));
const uint32s = (name: string, numbers: readonly number[], shape = [numbers.length]) =>
  tensorProto(name, "uint32", shape, Uint32Array.from(numbers) as unknown as TypedArray);

const EDGES = [
  0,
  1,
  2,
  7,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 31 + 1,
  3_000_000_019,
  2 ** 32 - 2,
  2 ** 32 - 1,
];
const A = EDGES.flatMap((a) => EDGES.map(() => a));
const B = EDGES.flatMap(() => EDGES);

/** Of two numbers without a sign what an operator gives: a number without a sign, or another one. */
type Case = readonly [type: ElementType, f: (a: number, b: number) => number];

const BINARY: Readonly<Record<string, Case>> = {
  Add: ["uint32", (a, b) => a + b],
  Sub: ["uint32", (a, b) => a - b],
  Mul: ["uint32", (a, b) => Number(BigInt.asUintN(32, BigInt(a) * BigInt(b)))],
  Div: ["uint32", (a, b) => (b === 0 ? 0 : Math.floor(a / b))],
  Mod: ["uint32", (a, b) => (b === 0 ? 0 : a % b)],
  Max: ["uint32", Math.max],
  Min: ["uint32", Math.min],
  BitwiseAnd: ["uint32", (a, b) => a & b],
  Equal: ["bool", (a, b) => Number(a === b)],
  Less: ["bool", (a, b) => Number(a < b)],
  LessOrEqual: ["bool", (a, b) => Number(a <= b)],
  Greater: ["bool", (a, b) => Number(a > b)],
  GreaterOrEqual: ["bool", (a, b) => Number(a >= b)],
};

describe.each(BACKENDS)("numbers of 32 bits without a sign on %s", (backend) => {
  test.each(Object.entries(BINARY))("%s", async (name, [type, f]) => {
    const graph: GraphInit = {
      input: [port("a", ["n"], "uint32"), port("b", ["n"], "uint32")],
      output: [port("y", ["n"], type)],
      node: [node(name, ["a", "b"], ["y"])],
    };
    const [y] = await run(graph, [words(A), words(B)], backend);
    expect(y).toEqual(A.map((a, k) => (type === "uint32" ? f(a, B[k]) | 0 : f(a, B[k]))));
  });

  test("casts, extremes, orders and positions", async () => {
    const numbers = [5, 2 ** 31, 3_000_000_019, 2 ** 31 - 1, 2 ** 32 - 1, 16777217];
    const cast = (to: number) => ({ to: BigInt(to) });
    const graph: GraphInit = {
      input: [port("x", ["n"], "uint32")],
      output: ["f", "t", "most", "least", "at", "values", "places", "held", "sum", "padded"].map((name) =>
        port(name, ["n"], "uint32"),
      ),
      initializer: [
        int64s("two", [2]),
        int64s("sides", [1, 0]),
        uint32s("low", [6], []),
        uint32s("high", [3_000_000_000], []),
        uint32s("some", [3_000_000_019, 1, 1, 1, 1, 1]),
      ],
      node: [
        node("Cast", ["x"], ["f"], cast(1)),
        node("Cast", ["x"], ["t"], cast(9)),
        node("ReduceMax", ["x"], ["most"]),
        node("ReduceMin", ["x"], ["least"]),
        node("ArgMax", ["x"], ["at"]),
        node("TopK", ["x", "two"], ["values", "places"]),
        node("Clip", ["x", "low", "high"], ["held"]),
        node("Add", ["x", "some"], ["sum"]),
        node("Pad", ["x", "sides", "high"], ["padded"]),
      ],
    };
    const [f, t, most, least, at, values, places, held, sum, padded] = await run(
      graph,
      [words(numbers)],
      backend,
    );
    expect(f).toEqual(numbers.map(Math.fround));
    expect(t).toEqual([1, 1, 1, 1, 1, 1]);
    expect([most, least, at]).toEqual([[-1], [5], [4]]);
    expect([values, places]).toEqual([
      [-1, 3_000_000_019 | 0],
      [4, 2],
    ]);
    expect(padded).toEqual([3_000_000_000, ...numbers].map((n) => n | 0));
    expect(held).toEqual([6, 2 ** 31, 3_000_000_000, 2 ** 31 - 1, 3_000_000_000, 16777217].map((n) => n | 0));
    expect(sum).toEqual([3_000_000_024, 2 ** 31 + 1, 3_000_000_020, 2 ** 31, 0, 16777218].map((n) => n | 0));
  });
});

test.each(BACKENDS)("floats become numbers of 32 bits without a sign on %s", async (backend) => {
  const graph: GraphInit = {
    input: [port("x", ["n"])],
    output: [port("y", ["n"], "uint32")],
    node: [node("Cast", ["x"], ["y"], { to: 12n })],
  };
  const numbers = [0.5, 5, 2 ** 31 - 128, 2 ** 31, 3_000_000_000, 2 ** 32 - 256];
  expect(await run(graph, [tensor(numbers)], backend)).toEqual([numbers.map((n) => n | 0)]);
});

test("an operator that would take them for int32 says what to do", async () => {
  const graph: GraphInit = {
    input: [port("x", [3], "uint32")],
    output: [port("y", [3], "uint32")],
    node: [node("ReduceMean", ["x"], ["y"], {}, "/mean")],
  };
  await expect(run(graph, [words([1, 2, 3])], "js")).rejects.toThrow(
    /^the node \/mean \(ReduceMean\): it is given numbers of uint32, .* cast them to int32 or to float in front of it/,
  );
});

/** A graph of one node, whose inputs `a` and `b` are of a type. */
const one = (op: string, type: ElementType, inputs = ["a", "b"], attributes = {}): GraphInit => ({
  input: inputs.map((name) => port(name, ["n"], type)),
  output: [port("y", ["n"], type)],
  node: [node(op, inputs, ["y"], attributes, "/it")],
});

const BIG = 2 ** 31 - 1;
const lost = (op: string, type: string) =>
  `the node /it (${op}) gives numbers of ${type} that int32 cannot hold, with which Kiln computes them`;

describe.each(BACKENDS)("numbers of 64 bits that leave int32 while the program runs on %s", (backend) => {
  test.each([
    ["Add", "int64", [BIG, 5], [1, 2]],
    ["Add", "uint64", [BIG, 5], [1, 2]],
    ["Sub", "int64", [5, -BIG], [5, 2]],
    ["Sub", "uint64", [5, 1], [5, 2]],
    ["Mul", "int64", [65536, 1], [65536, 2]],
    ["Mul", "int64", [2147483, 1], [-2147483, 2]],
    ["Div", "int64", [-BIG - 1, 5], [-1, 2]],
    ["Pow", "int64", [3, 2], [40, 4]],
  ] as const)("%s of %s is an error", async (op, type, a, b) => {
    await expect(run(one(op, type), [whole(a), whole(b)], backend)).rejects.toThrow(lost(op, type));
  });

  test("and right where they do not", async () => {
    const both = [whole([BIG - 1, -BIG, 7]), whole([1, -1, 3])];
    expect(await run(one("Add", "int64"), both, backend)).toEqual([[BIG, -BIG - 1, 10]]);
    expect(await run(one("Mul", "int64"), [whole([46340, -65536]), whole([46340, 32768])], backend)).toEqual([
      [2147395600, -(2 ** 31)],
    ]);
  });

  test("as sums and casts do", async () => {
    const sum = one("ReduceSum", "int64", ["a"]);
    expect(await run(sum, [whole([BIG, -BIG, 12])], backend)).toEqual([[12]]);
    await expect(run(sum, [whole([BIG, 0, 12])], backend)).rejects.toThrow(lost("ReduceSum", "int64"));
    const cast: GraphInit = {
      input: [port("a", ["n"])],
      output: [port("y", ["n"], "int64")],
      node: [node("Cast", ["a"], ["y"], { to: 7n }, "/it")],
    };
    expect(await run(cast, [tensor([-3.7, -(2 ** 31), 2147483520])], backend)).toEqual([
      [-3, -(2 ** 31), 2147483520],
    ]);
    await expect(run(cast, [tensor([1, 2 ** 31])], backend)).rejects.toThrow(lost("Cast", "int64"));
    const widened = { ...cast, input: [port("a", ["n"], "uint32")] };
    await expect(run(widened, [words([1, 2 ** 31])], backend)).rejects.toThrow(lost("Cast", "int64"));
  });
});

test("the sum of a product in a loop's body is checked as well", async () => {
  const body: GraphInit = {
    name: "body",
    input: [port("sum", [1], "int64"), port("row", [1], "int64")],
    output: [port("next", [1], "int64")],
    node: [node("Mul", ["sum", "row"], ["next"], {}, "/it")],
  };
  const graph: GraphInit = {
    input: [port("x", ["n", 1], "int64")],
    output: [port("last", [1], "int64")],
    initializer: [int64s("start", [1])],
    node: [node("Scan", ["start", "x"], ["last"], { body, num_scan_inputs: 1n })],
  };
  const rows = (numbers: readonly number[]): Tensor => whole(numbers).reshape(-1, 1);
  expect(await run(graph, [rows([65536, 32767])], "wasm")).toEqual([[65536 * 32767]]);
  await expect(run(graph, [rows([65536, 32768])], "wasm")).rejects.toThrow(lost("Mul", "int64"));
});

test.each([
  ["add", "int32", [2 ** 24, 5], [2 ** 24 + 3, 5]],
  ["add", "int32", [BIG, 5], [-BIG + 1, 5]],
  ["add", "uint32", [BIG, 5], [-BIG + 1, 5]],
  ["max", "uint32", [-5, 5], [-5, 5]],
  ["min", "uint32", [-5, 5], [1, 5]],
  ["max", "int32", [-5, 5], [2, 5]],
  ["add", "int8", [126, 5], [-127, 5]],
] as const)("ScatterElements with %s of %s", async (reduction, type, own, expected) => {
  const graph: GraphInit = {
    input: [port("x", ["n"], type), port("more", ["m"], type)],
    output: [port("y", ["n"], type)],
    initializer: [int64s("at", [0, 0])],
    node: [node("ScatterElements", ["x", "at", "more"], ["y"], { reduction }, "/it")],
  };
  expect(await run(graph, [whole(own), whole([1, 2])], "js")).toEqual([expected]);
});

test("sums at positions, norms and means of whole numbers are exact or an error", async () => {
  const scattered: GraphInit = {
    input: [port("x", ["n"], "int64")],
    output: [port("y", ["n"], "int64")],
    initializer: [int64s("at", [0, 0]), int64s("more", [1, 2])],
    node: [node("ScatterElements", ["x", "at", "more"], ["y"], { reduction: "add" }, "/it")],
  };
  expect(await run(scattered, [whole([2 ** 24, 5])], "js")).toEqual([[2 ** 24 + 3, 5]]);
  await expect(run(scattered, [whole([BIG, 5])], "js")).rejects.toThrow(lost("ScatterElements", "int64"));
  const norm = one("ReduceL2", "int32", ["a"]);
  expect(await run(norm, [whole([3, 4])], "js")).toEqual([[5]]);
  await expect(run(norm, [whole([4097, 0])], "js")).rejects.toThrow("squares to more than 2²⁴");
  const mean = one("ReduceMean", "int32", ["a"]);
  expect(await run(mean, [whole([16777217, 16777217, 16777218])], "js")).toEqual([[16777217]]);
  await expect(run(mean, [whole([BIG, BIG])], "js")).rejects.toThrow(/int32 cannot hold/);
});

test("positions of extremes are of 64 bits, and do not wrap around as the elements do", async () => {
  const graph: GraphInit = {
    input: [port("x", ["n"], "uint8")],
    output: [port("y", [1], "int64")],
    initializer: [int64s("more", [300])],
    node: [node("ArgMax", ["x"], ["at"]), node("Add", ["at", "more"], ["y"])],
  };
  expect(await run(graph, [whole([3, 9, 4])], "js")).toEqual([[301]]);
});

test("a uint64 input takes the numbers that int32 has from 0 on", async () => {
  const graph = one("Less", "uint64");
  await expect(run(graph, [whole([-1, 2]), whole([1, 2])], "js")).rejects.toThrow("the input a (uint64)");
});
