/** The text of kernels reads back in full: every form of statement and expression, and all that kernels and programs say of themselves. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseProgram } from "../../src/loop/parse.ts";
import { parseSchedule } from "../../src/loop/parse-schedule.ts";
import { type LoweredProgram, printProgram } from "../../src/loop/program.ts";
import type {
  BinaryOp,
  BufferParam,
  CompareOp,
  Expr,
  ExprType,
  Kernel,
  Stmt,
  UnaryOp,
} from "../../src/loop/types.ts";
import { expectRoundTrip } from "../support/program-text.ts";

const c = (value: number, dtype: ExprType): Expr => ({ kind: "const", dtype, value });
const i = (value: number): Expr => c(value, "int32");
const f = (value: number): Expr => c(value, "float32");
const variable = (name: string): Expr => ({ kind: "var", dtype: "int32", name });
const local = (name: string, dtype: ExprType): Expr => ({ kind: "local", dtype, name });
const binary = (op: BinaryOp, a: Expr, b: Expr): Expr => ({ kind: "binary", dtype: a.dtype, op, a, b });
const compare = (op: CompareOp, a: Expr, b: Expr): Expr => ({ kind: "compare", dtype: "bool", op, a, b });
const cast = (dtype: ExprType, a: Expr): Expr => ({ kind: "cast", dtype, a });
const unary = (op: UnaryOp, a: Expr): Expr => ({
  kind: "unary",
  dtype: op === "not" || op === "isnan" ? "bool" : a.dtype,
  op,
  a,
});

const BUFFERS: readonly BufferParam[] = [
  { name: "x", dtype: "float32", length: 64, access: "read", value: "%x" },
  { name: "sum", dtype: "float32", length: 64, access: "readwrite" },
  {
    name: "for",
    dtype: "int32",
    length: 64,
    access: "scratch",
    range: [-3, 12],
    private: true,
    value: "list of %x  # twice",
  },
  { name: "mask", dtype: "bool", length: 64, access: "write", value: '@"a b"' },
  { name: "bytes", dtype: "uint8", length: 64, access: "write", range: [0, 3] },
];

const SCALARS: readonly (readonly [name: string, dtype: ExprType])[] = [
  ["lr", "float32"],
  ["seed.0", "int32"],
  ['a "quoted"\nname', "float32"],
];

/** A kernel around `body`, which need not make sense. */
const kernelOf = (body: readonly Stmt[], more: Partial<Kernel> = {}): Kernel => ({
  name: "conv2d_relu",
  ops: ["conv2d", "relu"],
  buffers: BUFFERS,
  scalars: [],
  body,
  origins: [],
  nominalFlops: 123_456_789,
  ...more,
});

const programOf = (kernel: Kernel): LoweredProgram => ({
  name: "net",
  kernels: [kernel],
  buffers: [],
  inputs: [],
  outputs: [],
  states: [],
  scalars: kernel.scalars,
  commitFrom: 1,
});

const store = (value: Expr, index: Expr = i(0)): Stmt => ({
  kind: "store",
  buffer: { float32: "sum", int32: "for", bool: "mask", uint8: "bytes", uint32: "" }[value.dtype],
  index,
  value,
});

const UNARY: Readonly<Record<UnaryOp, readonly Expr[]>> = {
  neg: [f(1), i(1), i(-1)],
  exp: [f(2)],
  log: [f(2)],
  expm1: [f(2)],
  log1p: [f(2)],
  sqrt: [f(2)],
  tanh: [f(2)],
  sin: [f(2)],
  cos: [f(2)],
  tan: [f(2)],
  ...{ floor: [f(2)], ceil: [f(2)], trunc: [f(2)], round: [f(2)] },
  ...{ asin: [f(2)], acos: [f(2)], atan: [f(2)] },
  sinh: [f(2)],
  cosh: [f(2)],
  asinh: [f(2)],
  acosh: [f(2)],
  atanh: [f(2)],
  abs: [f(-2), i(-2)],
  sign: [f(-2), i(-2)],
  not: [c(1, "bool"), compare("lt", f(1), f(2))],
  isnan: [f(Number.NaN)],
};

const [F, I, W, B] = [f(0.5), i(7), c(0xdeadbeef, "uint32"), c(0, "bool")];

const BINARY: Readonly<Record<BinaryOp, readonly Expr[]>> = {
  add: [F, I, W],
  sub: [F, I, W],
  mul: [F, I, W],
  div: [F, I],
  mod: [F, I],
  max: [F, I],
  min: [F, I],
  pow: [F, I],
  atan2: [F],
  fmod: [F, I],
  and: [B],
  or: [B],
  xor: [W],
  bitand: [W],
  shr: [W],
};

const COMPARE: readonly CompareOp[] = ["lt", "le", "gt", "ge", "eq", "ne"];

describe("every form of", () => {
  test("constants", () => {
    const floats = [0, -0, 1, -1.5, 0.1, 1e-7, -1e-45, 3.4e38, 1e21, 2 ** 53, Math.fround(0.1)];
    const others = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const ints = [0, -0, 1, -1, 2 ** 31 - 1, -(2 ** 31)];
    const body = [
      ...[...floats, ...others].map((v) => store(f(v))),
      ...ints.map((v) => store(i(v))),
      ...[0, 1].map((v) => store(c(v, "bool"))),
      ...[0, 255].map((v) => store(c(v, "uint8"))),
      ...[0, 1, 0xffffffff].map((v) => store(cast("int32", c(v, "uint32")))),
    ];
    expectRoundTrip("constants", programOf(kernelOf(body)));
  });

  test("operators", () => {
    const unaries = Object.entries(UNARY).flatMap(([op, operands]) =>
      operands.map((a) => unary(op as UnaryOp, a)),
    );
    const binaries = Object.entries(BINARY).flatMap(([op, operands]) =>
      operands.map((a) => binary(op as BinaryOp, a, a)),
    );
    const compares = COMPARE.flatMap((op) => [F, I, W, B].map((a) => compare(op, a, a)));
    const types: readonly ExprType[] = ["float32", "int32", "bool", "uint8", "uint32"];
    const casts = types.flatMap((from) =>
      types.filter((to) => to !== "uint32" || from === "int32").map((to) => cast(to, c(1, from))),
    );
    const axes = [
      { name: "ky", extent: 5 },
      { name: "kx", extent: 3 },
    ];
    const x = (index: Expr): Expr => ({ kind: "load", dtype: "float32", buffer: "x", index });
    const ofSum: Expr = { kind: "load", dtype: "float32", buffer: "sum", index: binary("add", I, I) };
    const reductions: Expr[] = (["sum", "max", "argmax"] as const).map((op) => ({
      kind: "reduce",
      dtype: op === "argmax" ? "int32" : "float32",
      op,
      axes,
      body: binary("mul", x(binary("add", variable("ky"), variable("kx"))), ofSum),
    }));
    const ofOne: Expr = { kind: "reduce", dtype: "float32", op: "sum", axes: [], body: F };
    const nested: Expr = {
      kind: "reduce",
      dtype: "int32",
      op: "sum",
      axes: [{ name: "k", extent: 2 }],
      body: variable("k"),
    };
    const scalars = SCALARS.map(([name, dtype]): Expr => ({ kind: "scalar", dtype, name }));
    const select: Expr = { kind: "select", dtype: "float32", condition: B, a: F, b: f(Number.NaN) };
    const all = [
      ...unaries,
      ...binaries,
      ...compares,
      ...casts,
      ...reductions,
      ofOne,
      nested,
      ...scalars,
      select,
    ];
    const body = all.map(
      (e): Stmt => (e.dtype === "uint32" ? { kind: "let", name: `t${all.indexOf(e)}`, value: e } : store(e)),
    );
    expectRoundTrip("operators", programOf(kernelOf(body, { scalars: SCALARS.map(([name]) => name) })));
  });

  test("statements", () => {
    const body: Stmt[] = [
      {
        kind: "section",
        name: "first",
        body: [
          { kind: "accumulator", name: "count", init: i(0), range: [-1, 64] },
          {
            kind: "for",
            name: "i0",
            extent: 8,
            loop: "thread",
            inductions: [
              { name: "p", init: i(3), step: -2 },
              { name: "q", init: binary("add", i(1), i(2)), step: 1 },
            ],
            body: [
              { kind: "let", name: "t", value: binary("add", local("p", "int32"), variable("i0")) },
              {
                kind: "append",
                count: "count",
                capacity: 64,
                condition: compare("lt", local("t", "int32"), i(9)),
                base: binary("mul", variable("i0"), i(8)),
                values: [
                  { buffer: "for", value: local("t", "int32") },
                  { buffer: "sum", value: f(1) },
                ],
              },
              { kind: "for", name: "empty", extent: 0, loop: "unroll", body: [] },
            ],
          },
          {
            kind: "for",
            name: "k",
            extent: { count: "count", most: 64 },
            loop: "serial",
            body: [store(f(1), variable("k"))],
          },
          {
            kind: "for",
            name: "k",
            extent: { count: "count", most: 64, usual: 12.5 },
            loop: "reduce",
            body: [],
          },
        ],
      },
      {
        kind: "section",
        name: "second",
        body: [
          { kind: "let", name: "count", value: f(2) },
          { kind: "accumulator", name: "best", init: local("count", "float32") },
          {
            kind: "if",
            condition: compare("gt", local("count", "float32"), f(1)),
            body: [
              { kind: "assign", name: "best", value: f(3) },
              { kind: "for", name: "v", extent: 4, loop: "vector", body: [store(local("best", "float32"))] },
            ],
          },
          { kind: "for", name: "g", extent: 4, loop: "grid", body: [] },
          { kind: "accumulator", name: "offset", init: i(0) },
          {
            kind: "append",
            count: "offset",
            capacity: 1,
            condition: c(1, "bool"),
            base: i(0),
            values: [{ buffer: "sum", value: F }],
          },
        ],
      },
    ];
    expectRoundTrip("statements", programOf(kernelOf(body)));
  });

  test("heads of kernels", () => {
    const origins = [
      { file: "my model, v2.ts", line: 14, module: "layers.0" },
      { file: "", line: 0, module: "conv 1%" },
      { file: "a\u202e:b.ts", line: 3, module: "" },
    ];
    const scheduled = {
      schedule: parseSchedule("vectorize i0 by 2x4 shifted; parallelize i1 among 4"),
      estimate: 367500,
      threads: 4,
    };
    expectRoundTrip("all", programOf(kernelOf([], { origins, ...scheduled, estimatedGflops: 3.053 })));
    expectRoundTrip("no GFLOP/s", programOf(kernelOf([], { estimate: 1e21 })));
    expectRoundTrip("whole GFLOP/s", programOf(kernelOf([], { estimate: 7, estimatedGflops: 45 })));
    expectRoundTrip("few", programOf(kernelOf([], { ops: [], buffers: [], nominalFlops: 0 })));
  });

  test("what programs and plans say", () => {
    const weight = { dtype: "float32", shape: [6, 3, 5, 5], layout: [0, 2, 3, 1] } as const;
    const program: LoweredProgram = {
      name: "a net's \u0007name",
      kernels: [kernelOf([], { name: "a" }), kernelOf([], { name: "b" })],
      buffers: [
        { name: "x", dtype: "int32", shape: [], role: "input", value: '%"0"' },
        { name: "w", ...weight, role: "state", value: "@conv1.weight" },
        { name: "w_2", ...weight, role: "state", value: "what somebody else calls it" },
        { name: "panel", dtype: "float32", shape: [36], role: "scratch", value: "packed x", private: true },
        { name: "nameless", dtype: "bool", shape: [2, 3], role: "intermediate", value: "" },
        { name: "output", dtype: "uint8", shape: [2, 3], role: "output", value: "%7" },
      ],
      inputs: [{ name: "0", buffer: "x", dtype: "int32", shape: [] }],
      states: [
        { name: "conv1.weight", buffer: "w", ...weight },
        { name: "line\nbreak", buffer: "w_2", ...weight },
      ],
      outputs: [
        { name: "out", buffer: "output", dtype: "uint8", shape: [2, 3] },
        { name: "a view", buffer: "output", dtype: "uint8", shape: [6] },
      ],
      scalars: ["lr", "seed.0", "a b"],
      threads: 4,
      ...{ preparedTo: 1, commitFrom: 1 },
    };
    expectRoundTrip("program", program);
    expectRoundTrip("program that commits nothing", { ...program, commitFrom: 2, scalars: [], outputs: [] });
    const placements = [
      { buffer: "x", byteOffset: 0, byteLength: 4, first: -1, last: -1 },
      { buffer: "panel", byteOffset: 1_000_000, byteLength: 768, first: 0, last: 1 },
      { buffer: "nameless", byteOffset: 64, byteLength: 6, first: 1, last: 1 },
      { buffer: "output", byteOffset: 128, byteLength: 6, first: -1, last: 2 },
    ];
    expectRoundTrip("plan", { ...program, placements, arenaBytes: 1_000_768 });
  });
});

test("comments and empty lines may stand anywhere", () => {
  const text = printProgram(
    programOf(kernelOf([{ kind: "for", name: "i0", extent: 2, loop: "grid", body: [store(f(1))] }])),
  );
  const commented = text.split("\n").flatMap((line) => ["# before", line, "    # after", "", "  "]);
  expect(parseProgram(["", ...commented].join("\n"))).toEqual(parseProgram(text));
});

/** Expressions of one type, deep enough that operators of all levels meet. */
const { float, int, bool, word } = fc.letrec<Record<"float" | "int" | "bool" | "word", Expr>>((tie) => {
  const two = (ops: readonly BinaryOp[], of: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> =>
    fc.tuple(fc.constantFrom(...ops), of, of).map(([op, a, b]) => binary(op, a, b));
  const choice = (of: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> =>
    fc
      .tuple(tie("bool"), of, of)
      .map(([condition, a, b]): Expr => ({ kind: "select", dtype: a.dtype, condition, a, b }));
  const smaller = { maxDepth: 4 };
  const [anyFloat, anyInt, anyBool, anyWord] = [tie("float"), tie("int"), tie("bool"), tie("word")];
  const compared = (of: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> =>
    fc.tuple(fc.constantFrom(...COMPARE), of, of).map(([op, a, b]) => compare(op, a, b));
  return {
    float: fc.oneof(
      smaller,
      fc.double().map(Math.fround).map(f),
      two(["add", "sub", "mul", "div", "mod", "max", "min", "pow"], anyFloat),
      choice(anyFloat),
      fc.tuple(fc.constantFrom<UnaryOp[]>("neg", "exp", "abs"), anyFloat).map(([op, a]) => unary(op, a)),
      anyInt.map((index): Expr => ({ kind: "load", dtype: "float32", buffer: "sum", index })),
      anyInt.map((a) => cast("float32", a)),
    ),
    int: fc.oneof(
      smaller,
      fc.constantFrom(variable("i0"), i(0), i(-0), i(-7)),
      two(["add", "sub", "mul", "div", "mod", "max", "min"], anyInt),
      choice(anyInt),
      anyWord.map((a) => cast("int32", a)),
    ),
    bool: fc.oneof(
      smaller,
      fc.constantFrom(c(0, "bool"), c(1, "bool")),
      two(["and", "or"], anyBool),
      compared(anyFloat),
      compared(anyInt),
      compared(anyWord),
      compared(anyBool),
      anyBool.map((a) => unary("not", a)),
    ),
    word: fc.oneof(
      smaller,
      fc.nat().map((value) => c(value, "uint32")),
      two(["add", "sub", "mul", "xor", "bitand", "shr"], anyWord),
      anyInt.map((a) => cast("uint32", a)),
    ),
  };
});

test("random expressions read back as the same trees", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(float, int, bool, word), { maxLength: 4 }), (values) => {
      const body = values.map((value, k): Stmt => ({ kind: "let", name: `t${k}`, value }));
      expectRoundTrip(
        "random",
        programOf(kernelOf([{ kind: "for", name: "i0", extent: 4, loop: "grid", body }])),
      );
    }),
    { numRuns: 300, seed: 1 },
  );
});
