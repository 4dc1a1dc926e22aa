/** The index arithmetic behind vector schedules: coordinates of panels, joined digits, and where vectors start. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coordinatesOf } from "../../../passes/scheduling/analysis/coordinates.ts";
import { type Lanes, lanePartsOf } from "../../../passes/scheduling/analysis/lanes.ts";
import {
  add,
  and,
  compare,
  div,
  float,
  int,
  load,
  mod,
  mul,
  select,
  variable,
} from "../../../src/loop/build.ts";
import { linearizeIndex } from "../../../src/loop/linearize-index.ts";
import { printExpr } from "../../../src/loop/print.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import { simplify } from "../../../src/loop/simplify.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { substitute } from "../../../src/loop/walk.ts";

const v = variable;
const scaled = (name: string, by: number): Expr => mul(v(name), int(by));

describe("coordinates", () => {
  const extents = new Map([
    ["n", 2],
    ["y", 7],
    ["x", 6],
    ["dx", 2],
    ["ci", 3],
    ["ky", 3],
    ["kx", 5],
  ]);
  const described = (factor: Expr, alone: readonly string[] = []): string[] =>
    coordinatesOf(factor, extents, new Set(alone)).map(
      ({ terms, low, extent }) =>
        `${terms.map((t) => `${t.coefficient}${t.name}`).join("+")} from ${low}, ${extent} values`,
    );
  /** A convolution's input behind a 1×2 pool: rows of 20, images of 3×400. */
  const index = [
    scaled("n", 1200),
    scaled("ci", 400),
    scaled("y", 20),
    scaled("ky", 20),
    scaled("x", 2),
    v("dx"),
    v("kx"),
  ].reduce(add);

  test("join positions and taps, and nothing that is independent", () => {
    expect(
      described(load("image", "float32", index)).map((line) => line.replace(/[^a-z+]*from.*/, "")),
    ).toEqual(["1n", "1ci", "1y+1ky", "1dx+1kx+2x"]);
  });

  test("count the values that a coordinate takes", () => {
    expect(described(load("image", "float32", index))).toEqual([
      "1n from 0, 2 values",
      "1ci from 0, 3 values",
      "1y+1ky from 0, 9 values",
      "1dx+1kx+2x from 0, 16 values",
    ]);
  });

  test("leave a loop alone that is to become lanes", () => {
    expect(described(load("image", "float32", index), ["x"]).at(-1)).toBe("1dx+1kx from 0, 6 values");
  });

  test("look into guards, quotients and remainders", () => {
    const row = add(v("y"), scaled("ky", -1));
    const inside = and(compare("ge", row, int(0)), compare("lt", row, int(7)));
    const even = select(
      compare("eq", mod(row, int(2)), int(0)),
      load("g", "float32", div(row, int(2))),
      float(0),
    );
    expect(described(select(inside, even, float(0)))).toEqual(["1y+-1ky from -2, 9 values"]);
  });

  test("stay apart where two forms tell the loops apart", () => {
    const factor = select(
      compare("lt", v("ky"), int(2)),
      load("g", "float32", add(v("y"), v("ky"))),
      float(0),
    );
    expect(described(factor).length).toBe(2);
  });
});

describe("digits", () => {
  const extents = new Map([["i", 150]]);
  const digit = (unit: number, base: number, by: number): Expr =>
    mul(mod(div(v("i"), int(unit)), int(base)), int(by));

  test("of a flat index are put together", () => {
    const taken = [mul(div(v("i"), int(25)), int(25)), digit(5, 5, 5), mod(v("i"), int(5))].reduce(add);
    expect(printExpr(linearizeIndex(taken, extents))).toBe("i");
  });

  test("stay where their order changes", () => {
    const turned = add(mul(mod(v("i"), int(10)), int(15)), div(v("i"), int(10)));
    expect(printExpr(linearizeIndex(turned, extents))).toBe(printExpr(turned));
  });

  test("give the same index for every value, joined or not", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom(1, 5, 10, 25),
            fc.constantFrom(2, 3, 5, 6),
            fc.integer({ min: 1, max: 50 }),
          ),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        fc.integer({ min: 0, max: 149 }),
        (digits, value) => {
          const e = digits.map(([unit, base, by]) => digit(unit, base, by)).reduce(add);
          const at = new Map([["i", int(value)]]);
          const settled = (x: Expr): string => printExpr(simplify(substitute(x, at), new RangeContext()));
          expect(settled(linearizeIndex(e, extents))).toBe(settled(e));
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });
});

describe("vectors of a cut loop", () => {
  /** The elements that all lanes of all vectors stand for, in the order in which they run. */
  function elements(lanes: Lanes): number[] {
    const context = new RangeContext();
    return lanePartsOf(lanes).flatMap(({ iterations, vectors }) =>
      Array.from({ length: iterations }, (_, tile) =>
        vectors.flatMap((vector) =>
          Array.from({ length: lanes.width }, (_unused, lane) => {
            const at = new Map([
              [lanes.loop, int(tile)],
              ["lane", int(lane)],
            ]);
            return Number(printExpr(simplify(substitute(vector.get(lanes.loop) ?? int(-1), at), context)));
          }),
        ),
      ).flat(),
    );
  }
  const cut = fc.record({
    loop: fc.constant("o"),
    extent: fc.integer({ min: 4, max: 40 }),
    width: fc.constant(4),
    vectors: fc.integer({ min: 1, max: 4 }),
  });

  test("cover the loop and stay inside it when the last one is moved back", () => {
    fc.assert(
      fc.property(cut, (lanes) => {
        const all = elements({ ...lanes, padded: false });
        expect([...new Set(all)].sort((a, b) => a - b)).toEqual(
          Array.from({ length: lanes.extent }, (_, k) => k),
        );
        expect(all.length - lanes.extent).toBeLessThan(lanes.width);
      }),
      { seed: 1 },
    );
  });

  test("run on in order beyond the loop when they are padded", () => {
    fc.assert(
      fc.property(cut, (lanes) => {
        const count = Math.ceil(lanes.extent / 4) * 4;
        expect(elements({ ...lanes, padded: true })).toEqual(Array.from({ length: count }, (_, k) => k));
      }),
      { seed: 1 },
    );
  });
});
