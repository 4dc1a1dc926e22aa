/** Arithmetic of 32-bit words wraps around the same way when it is folded, interpreted and run as JavaScript. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import {
  add,
  binary,
  bits,
  cast,
  compare,
  float,
  int,
  load,
  mul,
  select,
  shiftRight,
  sub,
  variable,
  word,
  xor,
} from "../../src/loop/build.ts";
import { printExpr } from "../../src/loop/print.ts";
import { RangeContext } from "../../src/loop/range.ts";
import { simplify } from "../../src/loop/simplify.ts";
import type { Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";
import { runKernel } from "../support/run-kernel.ts";

/** An expression of the words x and y, and what it is worth by arithmetic of any length. */
interface Formula {
  readonly make: (x: Expr, y: Expr) => Expr;
  readonly worth: (x: bigint, y: bigint) => bigint;
}

const wrapped = (value: bigint): bigint => BigInt.asUintN(32, value);

const edge = fc.oneof(
  fc.constantFrom(0, 1, 2, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff),
  fc.integer({ min: 0, max: 0xffffffff }),
);

const leaf: fc.Arbitrary<Formula> = fc.oneof(
  fc.constant<Formula>({ make: (x) => x, worth: (x) => x }),
  fc.constant<Formula>({ make: (_x, y) => y, worth: (_x, y) => y }),
  edge.map((value): Formula => ({ make: () => word(value), worth: () => BigInt(value) })),
);

const both = (
  a: Formula,
  b: Formula,
  make: (a: Expr, b: Expr) => Expr,
  worth: (a: bigint, b: bigint) => bigint,
): Formula => ({
  make: (x, y) => make(a.make(x, y), b.make(x, y)),
  worth: (x, y) => wrapped(worth(a.worth(x, y), b.worth(x, y))),
});

const { formula } = fc.letrec<{ formula: Formula }>((tie) => {
  const pair = fc.tuple(tie("formula"), tie("formula"));
  return {
    formula: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      pair.map(([a, b]) => both(a, b, add, (p, q) => p + q)),
      pair.map(([a, b]) => both(a, b, sub, (p, q) => p - q)),
      pair.map(([a, b]) => both(a, b, mul, (p, q) => p * q)),
      pair.map(([a, b]) => both(a, b, xor, (p, q) => p ^ q)),
      fc.tuple(tie("formula"), edge).map(([a, mask]) =>
        both(
          a,
          a,
          (e) => bits(e, mask),
          (p) => p & BigInt(mask),
        ),
      ),
      fc.tuple(tie("formula"), fc.integer({ min: 0, max: 31 })).map(([a, by]) =>
        both(
          a,
          a,
          (e) => shiftRight(e, by),
          (p) => p >> BigInt(by),
        ),
      ),
      fc.tuple(tie("formula"), tie("formula"), tie("formula")).map(([a, b, c]) => ({
        make: (x: Expr, y: Expr) =>
          select(compare("lt", a.make(x, y), b.make(x, y)), b.make(x, y), c.make(x, y)),
        worth: (x: bigint, y: bigint) => (a.worth(x, y) < b.worth(x, y) ? b : c).worth(x, y),
      })),
    ),
  };
});

/** Each formula as a word, and whether it exceeds y, in two numbers. */
function body(formulas: readonly Formula[], pairs: number): Stmt[] {
  const i = variable("i0");
  const at = (k: number): Expr => cast(load("input", "int32", add(mul(i, int(2)), int(k))), "uint32");
  const stores = formulas.flatMap(({ make }, f): Stmt[] => {
    const value = simplify(make(at(0), at(1)), new RangeContext());
    const exceeds = select(compare("gt", value, at(1)), int(1), int(0));
    const index = (k: number): Expr => add(mul(i, int(2 * formulas.length)), int(2 * f + k));
    return [
      { kind: "store", buffer: "output", index: index(0), value: cast(value, "int32") },
      { kind: "store", buffer: "output", index: index(1), value: exceeds },
    ];
  });
  return [{ kind: "for", name: "i0", extent: pairs, loop: "grid", body: stores }];
}

describe("word arithmetic", () => {
  test.each([interpret, js])("on $name is arithmetic modulo 2³²", async (backend) => {
    const cases = fc.tuple(
      fc.array(formula, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(edge, edge), { minLength: 1, maxLength: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([formulas, pairs]) => {
        const expected = pairs.flatMap(([x, y]) =>
          formulas.flatMap(({ worth }) => {
            const value = worth(BigInt(x), BigInt(y));
            return [Number(value) | 0, value > BigInt(y) ? 1 : 0];
          }),
        );
        const input = Int32Array.from(pairs.flat());
        const output = await runKernel(backend, body(formulas, pairs.length), input, expected.length);
        expect([...output]).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test("of literals is folded to the same word", () => {
    fc.assert(
      fc.property(formula, edge, edge, ({ make, worth }, x, y) => {
        const value = Number(worth(BigInt(x), BigInt(y)));
        expect(make(word(x), word(y))).toEqual({ kind: "const", dtype: "uint32", value });
      }),
      { numRuns: 500 },
    );
  });

  test("casts keep the bits between int32 and uint32, and the value to float32", () => {
    expect(cast(int(-1), "uint32")).toEqual(word(0xffffffff));
    expect(cast(word(0x80000000), "int32")).toEqual(int(-(2 ** 31)));
    expect(cast(word(0xffffffff), "float32")).toEqual(float(0xffffffff));
    expect(() => cast(float(1), "uint32")).toThrow("a word is cast from int32, not from float32");
  });

  test("shows words in hexadecimal and knows their range", () => {
    const x = cast(variable("i"), "uint32");
    const e = xor(add(mul(x, word(3)), word(0x9e3779b9)), shiftRight(x, 16));
    expect(printExpr(e)).toBe("u32(i) * 0x3 + 0x9e3779b9 ^ u32(i) >>> 0x10");
    expect(new RangeContext().rangeOf(e)).toEqual({ low: 0, high: 2 ** 32 - 1 });
    expect(new RangeContext().rangeOf(cast(e, "int32")).low).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("the verifier", () => {
  const kernel = (value: Expr): Kernel => ({
    name: "k",
    ops: [],
    buffers: [{ name: "out", dtype: "int32", length: 1, access: "write" }],
    scalars: [],
    body: [{ kind: "store", buffer: "out", index: int(0), value }],
    origins: [],
    nominalFlops: 0,
  });
  const x = cast({ kind: "scalar", dtype: "int32", name: "seed" }, "uint32");
  const check = (value: Expr) => (): void => verifyKernel({ ...kernel(value), scalars: ["seed"] });

  test("accepts words that are cast before they are stored, and no others", () => {
    expect(check(cast(add(x, word(1)), "int32"))).not.toThrow();
    expect(check(add(x, word(1)))).toThrow("a word is stored in out");
  });

  test("knows which operators words have", () => {
    expect(check(cast(binary("div", x, word(3)), "int32"))).toThrow("div is no operator of uint32");
    expect(check(binary("xor", cast(x, "int32"), int(1)))).toThrow("xor is no operator of int32");
    expect(check(cast(binary("shr", x, x), "int32"))).toThrow("which is no literal from 0 to 31");
  });
});
