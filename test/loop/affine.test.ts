/** Affine forms, ranges under loops and guards, and the simplifier that decides `/`, `%` and guards from them. */

import { describe, expect, test } from "vitest";
import {
  addAffine,
  coefficientOf,
  fromAffine,
  occursInside,
  scaleAffine,
  toAffine,
} from "../../src/loop/affine.ts";
import {
  add,
  and,
  cast,
  compare,
  div,
  float,
  inRange,
  int,
  load,
  mod,
  mul,
  reduce,
  select,
  sub,
  variable,
} from "../../src/loop/build.ts";
import { interpretKernel } from "../../src/loop/interpret.ts";
import { LoadBounds } from "../../src/loop/load-bounds.ts";
import { printExpr } from "../../src/loop/print.ts";
import { type Range, RangeContext } from "../../src/loop/range.ts";
import { simplify } from "../../src/loop/simplify.ts";
import type { Expr } from "../../src/loop/types.ts";
import { generator } from "../support/draw.ts";

const [x, y, z] = ["x", "y", "z"].map(variable);
const ranged = (ranges: Readonly<Record<string, readonly [number, number]>>): RangeContext =>
  Object.entries(ranges).reduce(
    (c, [name, [low, high]]) => c.withName(name, { low, high }),
    new RangeContext(),
  );
const grid = (extents: Readonly<Record<string, number>>): RangeContext =>
  ranged(Object.fromEntries(Object.entries(extents).map(([name, extent]) => [name, [0, extent - 1]])));
const shown = (e: Expr): string => printExpr(e);

describe("affine forms", () => {
  test("join coefficients of equal atoms and drop those that cancel", () => {
    const form = toAffine(add(sub(mul(add(x, int(2)), int(3)), x), sub(mul(y, int(4)), mul(y, int(4)))));
    expect(form.constant).toBe(6);
    expect(coefficientOf(form, "x")).toBe(2);
    expect([...form.terms.keys()]).toEqual(["x"]);
  });

  test("keep products of unknowns, quotients, remainders and loads as atoms", () => {
    const form = toAffine(add(add(mul(x, y), div(x, int(3))), add(load("list", "int32", y), mod(x, int(3)))));
    expect([...form.terms.keys()]).toEqual(["x * y", "x / 3", "list[y]", "x % 3"]);
    expect(occursInside(form, "x")).toBe(true);
    expect(occursInside(form, "z")).toBe(false);
    expect(coefficientOf(form, "x")).toBe(0);
  });

  test("turn back into an equal expression", () => {
    const form = toAffine(add(mul(x, int(5)), sub(y, int(7))));
    expect(shown(fromAffine(form))).toBe("x * 5 + y + -7");
    expect(toAffine(fromAffine(form))).toEqual(form);
    expect(shown(fromAffine(addAffine(form, form, -1)))).toBe("0");
  });

  test("scale, and vanish when scaled by 0", () => {
    const form = toAffine(add(x, int(2)));
    expect(shown(fromAffine(scaleAffine(form, -3)))).toBe("x * -3 + -6");
    expect(scaleAffine(form, 0)).toEqual({ constant: 0, terms: new Map() });
  });
});

describe("ranges", () => {
  const cases: readonly (readonly [what: string, context: RangeContext, e: Expr, range: Range])[] = [
    ["a flat index", grid({ x: 3, y: 4 }), add(mul(x, int(4)), y), { low: 0, high: 11 }],
    ["a negative coefficient", grid({ x: 3 }), sub(int(2), x), { low: 0, high: 2 }],
    ["a product of unknowns", ranged({ x: [-2, 3], y: [-1, 4] }), mul(x, y), { low: -8, high: 12 }],
    ["a floor division of negatives", ranged({ x: [-3, 4] }), div(x, int(2)), { low: -2, high: 2 }],
    ["a remainder", ranged({ x: [-3, 100] }), mod(x, int(7)), { low: 0, high: 6 }],
    ["a remainder that changes nothing", grid({ x: 5 }), mod(x, int(7)), { low: 0, high: 4 }],
    ["a comparison", grid({ x: 5 }), cast(compare("lt", x, int(3)), "int32"), { low: 0, high: 1 }],
    [
      "both branches of a select, the taken one under its condition",
      grid({ x: 10 }),
      select(compare("lt", x, int(3)), x, int(-1)),
      { low: -1, high: 2 },
    ],
    [
      "the position of a maximum",
      new RangeContext(),
      reduce(
        "argmax",
        [
          { name: "k", extent: 3 },
          { name: "l", extent: 4 },
        ],
        () => float(0),
      ),
      { low: 0, high: 11 },
    ],
    [
      "a load from a buffer that declares its values",
      new RangeContext().withBuffer("list", { low: 2, high: 9 }),
      add(load("list", "int32", x), int(1)),
      { low: 3, high: 10 },
    ],
    ["a load of bytes", new RangeContext(), cast(load("u", "uint8", x), "int32"), { low: 0, high: 255 }],
  ];
  test.each(cases)("%s", (_what, context, e, range) => {
    expect(context.rangeOf(e)).toEqual(range);
  });

  test("nothing is known of a name without a range", () => {
    expect(new RangeContext().rangeOf(x)).toEqual({
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
    });
  });

  test("a guard on a sum bounds an index that holds the sum, scaled alike", () => {
    const row = sub(add(y, z), int(2));
    const open = grid({ x: 3, y: 8, z: 5 });
    const guarded = open.withCondition(inRange(row, 8));
    const index = add(mul(x, int(80)), mul(row, int(10)));
    expect(open.rangeOf(index)).toEqual({ low: -20, high: 250 });
    expect(guarded.rangeOf(index)).toEqual({ low: 0, high: 230 });
    // Scaled unlike, the guard says nothing: the plain interval remains.
    expect(guarded.rangeOf(add(y, mul(z, int(2))))).toEqual({ low: 0, high: 15 });
  });

  test("an equality fixes a value, a difference says nothing", () => {
    const context = grid({ x: 10 });
    expect(context.withCondition(compare("eq", x, int(4))).rangeOf(x)).toEqual({ low: 4, high: 4 });
    expect(context.withCondition(compare("ne", x, int(4))).rangeOf(x)).toEqual({ low: 0, high: 9 });
  });

  test("guards on one expression join", () => {
    const context = grid({ x: 10 }).withCondition(and(compare("ge", x, int(2)), compare("lt", x, int(7))));
    expect(context.rangeOf(x)).toEqual({ low: 2, high: 6 });
  });

  test("a guard on multiples bounds what they are multiples of", () => {
    const twice = mul(x, int(2));
    const between = (low: number, high: number) =>
      grid({ x: 10 }).withCondition(and(compare("ge", twice, int(low)), compare("le", twice, int(high))));
    expect(between(3, 9).rangeOf(x)).toEqual({ low: 2, high: 4 });
    expect(between(-3, 3).rangeOf(x)).toEqual({ low: 0, high: 1 });
    // No whole number is half of one: nothing is evaluated there, and whatever is there stays within its bounds.
    const { low, high } = between(1, 1).rangeOf(add(twice, int(-9)));
    expect(low).toBeGreaterThan(high);
  });

  test("a guard on a quotient bounds the quotient itself", () => {
    const context = grid({ x: 7 }).withCondition(compare("lt", div(x, int(2)), int(3)));
    expect(context.rangeOf(div(x, int(2)))).toEqual({ low: 0, high: 2 });
  });
});

describe("the simplifier", () => {
  const cases: readonly (readonly [what: string, context: RangeContext, e: Expr, text: string])[] = [
    ["takes multiples out of a quotient", grid({ x: 4, y: 3 }), div(add(mul(x, int(3)), y), int(3)), "x"],
    ["and out of a remainder", grid({ x: 4, y: 3 }), mod(add(mul(x, int(3)), y), int(3)), "y"],
    [
      "splits what does not divide",
      grid({ x: 4, y: 5 }),
      div(add(mul(x, int(6)), y), int(3)),
      "x * 2 + y / 3",
    ],
    [
      "keeps a remainder that ranges cannot decide",
      grid({ y: 5 }),
      mod(add(mul(x, int(6)), y), int(3)),
      "y % 3",
    ],
    [
      "joins a flat index that was split",
      grid({ x: 100 }),
      add(mul(div(x, int(7)), int(7)), mod(x, int(7))),
      "x",
    ],
    [
      "joins it scaled and among other terms",
      grid({ x: 100, y: 3 }),
      add(add(mul(div(x, int(7)), int(14)), y), mul(mod(x, int(7)), int(2))),
      "y + x * 2",
    ],
    ["decides a guard that always holds", grid({ x: 4 }), compare("lt", x, int(4)), "true"],
    ["decides a guard that never holds", grid({ x: 4 }), compare("ge", x, int(4)), "false"],
    ["keeps a guard that depends", grid({ x: 4 }), compare("ge", x, int(2)), "x >= 2"],
    [
      "drops a select whose guard always holds",
      grid({ x: 4 }),
      select(inRange(x, 4), load("a", "float32", x), float(0)),
      "a[x]",
    ],
    [
      "and one whose guard never does",
      grid({ x: 4 }),
      select(inRange(sub(x, int(9)), 4), load("a", "float32", x), float(0)),
      "0.0",
    ],
    [
      "uses a guard inside of its branch alone",
      grid({ x: 12 }),
      select(compare("lt", x, int(3)), cast(div(x, int(3)), "float32"), cast(div(x, int(3)), "float32")),
      "select(x < 3, f32(0), f32(x / 3))",
    ],
    [
      "knows the variables of a reduction",
      grid({ x: 4 }),
      reduce("sum", [{ name: "k", extent: 3 }], ([k]) =>
        load("a", "float32", div(add(mul(x, int(3)), k), int(3))),
      ),
      "sum[k<3](a[x])",
    ],
    [
      "leaves float arithmetic as it is",
      new RangeContext(),
      mul(add(load("a", "float32", int(0)), float(0)), float(0)),
      "(a[0] + 0.0) * 0.0",
    ],
  ];
  test.each(cases)("%s", (_what, context, e, text) => {
    expect(shown(simplify(e, context))).toBe(text);
  });

  test("keeps the value of random index arithmetic, and ranges hold it", () => {
    const random = generator(7);
    const pick = (n: number): number => Math.floor(random() * n);
    const names = ["x", "y"];
    const make = (depth: number): Expr => {
      if (depth === 0) return random() < 0.7 ? variable(names[pick(2)]) : int(pick(9) - 4);
      const a = make(depth - 1);
      switch (pick(6)) {
        case 0:
          return add(a, make(depth - 1));
        case 1:
          return sub(a, make(depth - 1));
        case 2:
          return mul(a, int(pick(7) - 3));
        case 3:
          return div(a, int(1 + pick(12)));
        case 4:
          return mod(a, int(1 + pick(5)));
        default:
          return select(compare("lt", a, int(pick(7) - 3)), make(depth - 1), a);
      }
    };
    const context = grid({ x: 6, y: 5 });
    for (let n = 0; n < 600; n++) {
      const e = make(4);
      const simple = simplify(e, context);
      const range = context.rangeOf(simple);
      const out = new Float64Array(60);
      const run = interpretKernel(
        {
          name: "both",
          ops: [],
          buffers: [{ name: "out", dtype: "int32", length: 60, access: "write" }],
          scalars: [],
          origins: [],
          nominalFlops: 0,
          body: [
            {
              kind: "for",
              name: "x",
              extent: 6,
              loop: "grid",
              body: [
                {
                  kind: "for",
                  name: "y",
                  extent: 5,
                  loop: "grid",
                  body: [e, simple].map((value, k) => ({
                    kind: "store" as const,
                    buffer: "out",
                    index: add(add(mul(x, int(10)), mul(y, int(2))), int(k)),
                    value,
                  })),
                },
              ],
            },
          ],
        },
        { out },
        {},
      );
      run();
      for (let k = 0; k < 60; k += 2) {
        if (out[k + 1] !== out[k]) throw new Error(`${shown(e)} became ${shown(simple)}`);
        if (out[k] < range.low || out[k] > range.high)
          throw new Error(`${shown(simple)} is ${out[k]}, outside of ${range.low}..${range.high}`);
      }
    }
  });
});

describe("what guards determine", () => {
  test("is what an equality leaves no choice for, in terms of the others", () => {
    const context = grid({ x: 5, y: 3, z: 2 })
      .withCondition(and(compare("ge", x, int(2)), compare("lt", x, int(3))))
      .withCondition(compare("eq", add(y, mul(z, int(2))), x));
    const determined = context.determined();
    expect([...determined].map(([name, e]) => `${name} = ${printExpr(e)}`).sort()).toEqual([
      "x = 2",
      "y = z * -2 + 2",
    ]);
  });

  test("is nothing of inequalities, nor of multiples", () => {
    const context = grid({ x: 5, y: 3 })
      .withCondition(compare("ge", x, int(1)))
      .withCondition(compare("eq", add(mul(x, int(2)), mul(y, int(3))), int(6)));
    expect(context.determined().size).toBe(0);
  });

  test("proves that a padded row of one element, split and joined again, stays in its bounds", () => {
    // The gradient-free part of a convolution of a rotated, reshaped tensor: 1 - k where i is 2 and j is 2 - 2·c.
    const [i, j, k, c] = ["i", "j", "k", "c"].map(variable);
    const flat = add(add(k, i), j);
    const index = sub(add(mul(c, int(2)), sub(mul(div(flat, int(2)), int(2)), mod(flat, int(2)))), int(3));
    const guard = and(inRange(sub(i, int(2)), 1), inRange(sub(add(j, mul(c, int(2))), int(2)), 1));
    const loose = new LoadBounds(() => 2).looseIn(
      select(guard, load("a", "float32", index), float(0)),
      grid({ i: 5, j: 3, k: 2, c: 2 }),
    );
    expect(loose).toBeUndefined();
  });
});
