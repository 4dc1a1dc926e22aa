/** The matrices of minimal filtering are exact for any number of outputs and taps, and so is the way they are applied. */

import { describe, expect, test } from "vitest";
import { linearMap } from "../../../passes/scheduling/plans/winograd/linear-map.ts";
import {
  type Matrix,
  MOST_POINTS,
  transformOf,
} from "../../../passes/scheduling/plans/winograd/transform-matrices.ts";
import { local } from "../../../src/loop/build.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { generator } from "../../support/draw.ts";
import { Fraction, ZERO } from "../../support/fraction.ts";

const FORMS = [2, 3, 4, 5, 6, 7].flatMap((taps) =>
  [2, 3, 4, 5, 6].filter((m) => m + taps - 1 <= MOST_POINTS).map((outputs) => ({ outputs, taps })),
);

type Exact = readonly (readonly Fraction[])[];

const exactly = (matrix: Matrix): Exact => matrix.map((row) => row.map(Fraction.of));

/** The quotients of which a row of G is the rounded form: powers of a point over the row's norm, all of few binary digits. */
function exactRow(row: readonly number[]): Fraction[] {
  const short = (value: number): Fraction => Fraction.of(Math.round(value * 2 ** 24) / 2 ** 24);
  const norm = row[0] === 0 ? 1 : 1 / row[0];
  return row.map((value) => short(value * norm).over(short(norm)));
}

const transposed = (matrix: Exact): Exact => matrix[0].map((_, k) => matrix.map((row) => row[k]));

const times = (matrix: Exact, vector: readonly Fraction[]): Fraction[] =>
  matrix.map((row) => row.reduce((sum, x, k) => sum.plus(x.times(vector[k])), ZERO));

const numbersOf = (fractions: readonly Fraction[]): number[] => fractions.map((f) => f.toNumber());

/** Small fractions, so that nothing is lost when they become numbers. */
function fractions(count: number, random: () => number): Fraction[] {
  return Array.from(
    { length: count },
    () => new Fraction(BigInt(Math.floor(random() * 41) - 20), BigInt(2 ** Math.floor(random() * 3))),
  );
}

describe.each(FORMS)("F($outputs, $taps)", ({ outputs, taps }) => {
  const random = generator(outputs * 10 + taps);
  const numbers = transformOf(outputs, taps);
  const exact = {
    points: numbers.points,
    inverse: exactly(numbers.inverse),
    filter: numbers.filter.map(exactRow),
    data: exactly(numbers.data),
  };
  const data = fractions(exact.points, random);
  const filter = fractions(taps, random);
  const products = (a: readonly Fraction[], b: readonly Fraction[]): Fraction[] =>
    a.map((x, k) => x.times(b[k]));
  const transformed = products(times(exact.filter, filter), times(exact.data, data));

  test("holds numbers that are exact, or rounded once", () => {
    expect(exact.filter.map(numbersOf).map((row) => row.map((x) => x + 0))).toEqual(
      numbers.filter.map((row) => row.map((x) => x + 0)),
    );
    expect(exactly(numbers.inverseT)).toEqual(transposed(exact.inverse));
    expect(exactly(numbers.filterT)).toEqual(transposed(exactly(numbers.filter)));
  });

  test("is a correlation, exactly", () => {
    const direct = Array.from({ length: outputs }, (_, k) =>
      filter.reduce((sum, tap, j) => sum.plus(tap.times(data[k + j])), ZERO),
    );
    expect(times(exact.inverse, transformed)).toEqual(direct);
  });

  test("transposed is the gradient of its taps, exactly", () => {
    const gradient = fractions(outputs, random);
    const spread = times(transposed(exact.inverse), gradient);
    const dual = times(transposed(exact.filter), products(times(exact.data, data), spread));
    const direct = filter.map((_, j) => gradient.reduce((sum, g, k) => sum.plus(g.times(data[k + j])), ZERO));
    expect(dual).toEqual(direct);
  });

  test("is applied in an arrangement that computes the same", () => {
    for (const [matrix, wanted, input] of [
      [numbers.data, times(exact.data, data), data],
      [numbers.inverseT, times(transposed(exact.inverse), data.slice(0, outputs)), data],
      [numbers.inverse, times(exact.inverse, transformed), transformed],
      [numbers.filter, times(exact.filter, filter), filter],
      [numbers.filterT, times(transposed(exact.filter), transformed), transformed],
    ] as const) {
      const actual = applied(matrix, numbersOf(input), (x) => x);
      // Doubles, through a few dozen operations on numbers up to 1e4.
      numbersOf(wanted).forEach((value, k) => {
        expect(Math.abs(actual[k] - value)).toBeLessThan(1e-9);
      });
    }
  });

  test("takes equal data to exact zeros at all points but 1, in float32", () => {
    const flat = applied(numbers.data, new Array(exact.points).fill(Math.fround(0.7)), Math.fround);
    flat.forEach((value, point) => {
      if (point === 1) expect(value).not.toBe(0);
      else expect(Math.abs(value)).toBe(0);
    });
  });

  test("rounds no more than the powers in its matrices explain", () => {
    const draw = (count: number): number[] =>
      Array.from({ length: count }, () => Math.fround(2 * random() - 1));
    const sizeOf = (matrix: Matrix): number =>
      Math.max(...matrix.map((row) => row.reduce((sum, x) => sum + Math.abs(x), 0)));
    const bound = sizeOf(numbers.inverse) * sizeOf(numbers.filter) * sizeOf(numbers.data);
    const [d, g] = [draw(exact.points), draw(taps)];
    const through = (round: (x: number) => number): number[] => {
      const [u, v] = [applied(numbers.filter, g, round), applied(numbers.data, d, round)];
      return applied(
        numbers.inverse,
        u.map((x, k) => round(x * v[k])),
        round,
      );
    };
    const exactly = through((x) => x);
    const error = Math.max(...through(Math.fround).map((x, k) => Math.abs(x - exactly[k])));
    // Each of some 3n operations on a path rounds by 2^-24 of what passes through it.
    expect(error).toBeLessThan(3 * exact.points * 2 ** -24 * bound);
  });
});

/** `linearMap` of numbers, every operation rounded. */
function applied(matrix: Matrix, values: readonly number[], round: (x: number) => number): number[] {
  const evaluate = (e: Expr): number => {
    if (e.kind === "local") return values[Number(e.name)];
    if (e.kind === "const") return round(e.value);
    if (e.kind !== "binary") throw new Error(`unexpected ${e.kind}`);
    const [a, b] = [evaluate(e.a), evaluate(e.b)];
    return round(e.op === "add" ? a + b : e.op === "sub" ? a - b : a * b);
  };
  const names = matrix[0].map((_, k) => local(String(k), "float32"));
  return linearMap(matrix, names).map(evaluate);
}
