/** Factors that dividends and divisors of indices share are cancelled where no guard speaks of the quotient. */

import { describe, expect, test } from "vitest";
import { add, binary, compare, constant, int, load, mul, select, variable } from "../../src/loop/build.ts";
import { cancelCommonFactors } from "../../src/loop/common-factors.ts";
import { printExpr } from "../../src/loop/print.ts";
import { RangeContext } from "../../src/loop/range.ts";
import type { Expr } from "../../src/loop/types.ts";

const x = variable("x");
const y = variable("y");
const through = (dividend: Expr, divisor: number): Expr =>
  load("a", "float32", binary("div", dividend, int(divisor)));
const context = (extents: Readonly<Record<string, number>>): RangeContext =>
  Object.entries(extents).reduce((known, [name, extent]) => known.withLoop(name, extent), new RangeContext());

describe("common factors of dividends and divisors", () => {
  test("are cancelled where all terms but a small rest are multiples of one", () => {
    const element = through(add(mul(x, int(4)), y), 12);
    expect(printExpr(cancelCommonFactors(element, context({ x: 9, y: 4 })))).toBe("a[x / 3]");
  });

  test("stay where the rest may carry", () => {
    const element = through(add(mul(x, int(4)), y), 12);
    expect(cancelCommonFactors(element, context({ x: 9, y: 5 }))).toEqual(element);
  });

  test("leave a sum over an axis straight when that axis is the rest", () => {
    const sum: Expr = {
      kind: "reduce",
      op: "sum",
      dtype: "float32",
      axes: [{ name: "y", extent: 4 }],
      body: through(add(mul(x, int(4)), y), 4),
    };
    expect(printExpr(cancelCommonFactors(sum, context({ x: 9 })))).toContain("a[x]");
  });

  test("stay under a guard, which may speak of the same quotient", () => {
    const quotient = binary("div", add(mul(x, int(4)), y), int(12));
    const guard = compare("lt", quotient, int(2));
    const guarded = select(guard, load("a", "float32", quotient), constant(0, "float32"));
    expect(cancelCommonFactors(guarded, context({ x: 9, y: 4 }))).toBe(guarded);
  });
});
