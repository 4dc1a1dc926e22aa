/** The printed form of kernels, and the interpreter against values worked out by hand, statement by statement. */

import { describe, expect, test } from "vitest";
import {
  add,
  binary,
  cast,
  compare,
  div,
  float,
  int,
  load,
  local,
  mod,
  mul,
  reduce,
  scalar,
  select,
  sub,
  unary,
  variable,
} from "../../src/loop/build.ts";
import { interpretKernel } from "../../src/loop/interpret.ts";
import { printExpr, printKernel } from "../../src/loop/print.ts";
import type { Expr, Kernel, ReduceOp, Stmt } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";

const [i, k] = [variable("i"), variable("k")];
const x = (index: Expr): Expr => load("x", "float32", index);
const store = (buffer: string, index: Expr, value: Expr): Stmt => ({ kind: "store", buffer, index, value });
const loop = (name: string, extent: number, ...body: Stmt[]): Stmt => ({
  kind: "for",
  name,
  extent,
  loop: "serial",
  body,
});

function kernelOf(...body: Stmt[]): Kernel {
  return {
    name: "k",
    ops: ["test"],
    buffers: [
      { name: "x", dtype: "float32", length: 6, access: "read" },
      { name: "list", dtype: "int32", length: 6, access: "readwrite", range: [0, 5] },
      { name: "out", dtype: "float32", length: 6, access: "write" },
    ],
    scalars: ["lr"],
    body,
    origins: [],
    nominalFlops: 0,
  };
}

/** Runs a kernel on `x` and returns `out`; the kernel is verified first, as every kernel is. */
function run(data: readonly number[], ...body: Stmt[]): number[] {
  const kernel = kernelOf(...body);
  verifyKernel(kernel);
  const storage = { x: Float64Array.from(data), list: new Float64Array(6), out: new Float64Array(6) };
  interpretKernel(kernel, storage, { lr: 0.5 })();
  return [...storage.out];
}

/** The value of one expression. */
const resultOf = (e: Expr, data: readonly number[] = [1, 2, 3, 4, 5, 6]): number =>
  run(data, store("out", int(0), e.dtype === "float32" ? e : cast(e, "float32")))[0];

describe("the interpreter", () => {
  const data = [3, -1, 4, 1, -5, 9];
  const reduced = (op: ReduceOp, extent = 6): Expr =>
    reduce(op, [{ name: "k", extent }], ([index]) => x(index));

  test("sums, finds the maximum and its position", () => {
    expect(resultOf(reduced("sum"), data)).toBe(11);
    expect(resultOf(reduced("max"), data)).toBe(9);
    expect(resultOf(reduced("argmax"), data)).toBe(5);
  });

  test("takes the first of equal maxima, and the first NaN, or in a pool the last", () => {
    const [nan, inf] = [Number.NaN, Number.POSITIVE_INFINITY];
    expect(resultOf(reduced("argmax"), [1, 7, 7, 2, 7, 0])).toBe(1);
    expect(resultOf(reduced("argmax"), [1, nan, 7, inf, nan, 0])).toBe(1);
    expect(resultOf(reduced("winner"), [1, nan, 7, inf, nan, 0])).toBe(4);
    expect(resultOf(reduced("winner"), [1, 7, 7, 2, 7, 0])).toBe(1);
    expect(resultOf(reduced("max"), [1, nan, 7, inf, 2, 0])).toBe(nan);
    expect(resultOf(reduced("argmax"), [-inf, -inf, -inf, -inf, -inf, -inf])).toBe(0);
  });

  test("runs reductions over several axes in row-major order", () => {
    const axes = [
      { name: "k", extent: 2 },
      { name: "l", extent: 3 },
    ];
    const at = ([row, column]: readonly Expr[]): Expr => x(add(mul(column, int(2)), row));
    // The element at row r, column c is x[2c + r]: 3 4 -5 / -1 1 9.
    expect(resultOf(reduce("argmax", axes, at), data)).toBe(5);
    expect(resultOf(reduce("argmax", axes, at), [0, 0, 8, 0, 0, 8])).toBe(1);
  });

  test("nests reductions", () => {
    const rows = reduce("max", [{ name: "r", extent: 2 }], ([r]) =>
      reduce("sum", [{ name: "c", extent: 3 }], ([c]) => x(add(mul(r, int(3)), c))),
    );
    expect(resultOf(rows, data)).toBe(6);
  });

  test("divides whole numbers towards minus infinity, and remainders take the divisor's sign", () => {
    const whole = (f: (e: Expr) => Expr): number[] =>
      run([], loop("i", 6, store("out", i, cast(f(sub(i, int(3))), "float32"))));
    expect(whole((e) => div(e, int(2)))).toEqual([-2, -1, -1, 0, 0, 1]);
    expect(whole((e) => mod(e, int(3)))).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test("computes in double", () => {
    expect(resultOf(mul(add(x(int(0)), float(2 ** -40)), float(1)), [1])).toBe(1 + 2 ** -40);
    expect(resultOf(unary("exp", x(int(0))), [1])).toBe(Math.E);
  });

  test("evaluates only the branch that a select takes", () => {
    // The load behind the end would throw.
    const guarded = select(compare("lt", i, int(6)), x(i), float(-1));
    expect(run(data, loop("i", 8, store("out", mod(i, int(6)), guarded)))).toEqual([-1, -1, 4, 1, -5, 9]);
  });

  test("casts: truncates to whole numbers, and truth to 0 and 1", () => {
    expect(resultOf(cast(cast(x(int(0)), "int32"), "float32"), [-2.7])).toBe(-2);
    expect(resultOf(cast(cast(x(int(0)), "bool"), "float32"), [-2.7])).toBe(1);
    expect(resultOf(cast(compare("gt", x(int(0)), x(int(1))), "float32"), [2, 2])).toBe(0);
  });

  test("reads scalars when it runs, not when it is made", () => {
    const kernel = kernelOf(store("out", int(0), scalar("lr", "float32")));
    const scalars = { lr: 1 };
    const out = new Float64Array(6);
    const execute = interpretKernel(
      kernel,
      { x: new Float64Array(6), list: new Float64Array(6), out },
      scalars,
    );
    scalars.lr = 7;
    execute();
    expect(out[0]).toBe(7);
  });

  test("accumulates in locals, starting anew on each turn around them", () => {
    const rows = run(
      data,
      loop(
        "i",
        2,
        { kind: "accumulator", name: "acc", init: float(0) },
        loop("k", 3, {
          kind: "assign",
          name: "acc",
          value: add(local("acc", "float32"), x(add(mul(i, int(3)), k))),
        }),
        store("out", i, local("acc", "float32")),
      ),
    );
    expect(rows).toEqual([6, 5, 0, 0, 0, 0]);
  });

  test("bumps pointers by their step", () => {
    const result = run(data, {
      kind: "for",
      name: "i",
      extent: 3,
      loop: "serial",
      inductions: [{ name: "p", init: int(5), step: -2 }],
      body: [store("out", i, x(local("p", "int32")))],
    });
    expect(result).toEqual([9, 1, -1, 0, 0, 0]);
  });

  test("runs the body of an if when its condition holds", () => {
    const positive: Stmt = {
      kind: "if",
      condition: compare("gt", x(i), float(0)),
      body: [store("out", i, float(1))],
    };
    expect(run(data, loop("i", 6, positive))).toEqual([1, 0, 1, 1, 0, 1]);
  });

  test("appends where the condition holds, and loops to what was counted", () => {
    const result = run(
      data,
      { kind: "accumulator", name: "n", init: int(0), range: [0, 6] },
      loop("i", 6, {
        kind: "append",
        count: "n",
        capacity: 6,
        condition: compare("lt", x(i), float(0)),
        base: int(0),
        values: [{ buffer: "list", value: i }],
      }),
      {
        kind: "for",
        name: "k",
        extent: { count: "n", most: 6 },
        loop: "serial",
        body: [store("out", k, x(load("list", "int32", k)))],
      },
    );
    expect(result).toEqual([-1, -5, 0, 0, 0, 0]);
  });

  test("refuses what the verifier would have: an access outside of a buffer", () => {
    const outside = (s: Stmt) =>
      interpretKernel(
        kernelOf(s),
        { x: new Float64Array(6), list: new Float64Array(6), out: new Float64Array(6) },
        {},
      );
    expect(outside(store("out", int(6), float(0)))).toThrow("store outside of out");
    expect(outside(store("out", int(0), x(int(-1))))).toThrow("load outside of x");
  });
});

describe("the printed form", () => {
  test("shows every kind of statement", () => {
    const kernel: Kernel = {
      ...kernelOf(
        { kind: "let", name: "half", value: mul(scalar("lr", "float32"), float(0.5)) },
        { kind: "accumulator", name: "n", init: int(0), range: [0, 6] },
        loop(
          "i",
          6,
          {
            kind: "append",
            count: "n",
            capacity: 6,
            condition: compare("ne", x(i), float(0)),
            base: int(0),
            values: [{ buffer: "list", value: i }],
          },
          { kind: "if", condition: compare("ge", i, int(3)), body: [store("out", i, float(0))] },
        ),
        {
          kind: "for",
          name: "k",
          extent: { count: "n", most: 6 },
          loop: "reduce",
          inductions: [{ name: "p", init: int(0), step: 2 }],
          body: [{ kind: "assign", name: "half", value: float(Number.NEGATIVE_INFINITY) }],
        },
        {
          kind: "section",
          name: "rest",
          body: [
            store(
              "out",
              int(0),
              reduce("sum", [{ name: "k", extent: 6 }], ([e]) => x(e)),
            ),
          ],
        },
      ),
      origins: [{ file: "net.ts", line: 14, module: "conv1" }],
      schedule: [],
    };
    expect(printKernel(kernel)).toMatchInlineSnapshot(`
      "kernel k   at net.ts:14 conv1
        ops test
        flops 0
        schedule plain
        read x: f32[6]
        readwrite list: i32[6] in 0..5
        write out: f32[6]
        scalar $lr: f32
        let half = $lr * 0.5
        var n = 0 in 0..6
        for i in 6 serial
          append list <- i at 0 + n below 6 when x[i] != 0.0
          if i >= 3
            out[i] = 0.0
        for k in n (at most 6), p = 0 step 2 reduce
          half = -inf
        section rest
          out[0] = sum[k<6](x[k])"
    `);
  });

  test("sets brackets where precedence asks for them and nowhere else", () => {
    const [a, b, c] = ["a", "b", "c"].map(variable);
    const texts = [
      sub(a, sub(b, c)),
      sub(sub(a, b), c),
      mul(add(a, b), c),
      add(mul(a, b), c),
      div(mul(a, b), int(3)),
      mul(a, div(b, int(3))),
      binary("and", compare("lt", a, b), binary("or", compare("eq", a, b), compare("ge", b, c))),
      select(compare("lt", add(a, b), c), a, binary("max", b, c)),
      cast(unary("neg", a), "float32"),
    ].map((e) => printExpr(e));
    expect(texts).toEqual([
      "a - (b - c)",
      "a - b - c",
      "(a + b) * c",
      "a * b + c",
      "a * b / 3",
      "a * (b / 3)",
      "a < b && (a == b || b >= c)",
      "select(a + b < c, a, max(b, c))",
      "f32(neg(a))",
    ]);
  });

  test("keeps a point in float constants, and the sign of zero", () => {
    const shown = [1, -0, 0.1, 1e30, Number.NaN, Number.POSITIVE_INFINITY].map((v) => printExpr(float(v)));
    expect(shown).toEqual(["1.0", "-0.0", "0.1", "1e+30", "nan", "inf"]);
    expect(printExpr(int(-3))).toBe("-3");
  });
});
