/**
 * Winograd's minimal filtering for any number of outputs and taps, by the Cook–Toom construction (Lavin and Gray,
 * "Fast Algorithms for Convolutional Neural Networks", 2016): `y = Aᵀ·((G·g) ⊙ (Bᵀ·d))` is the correlation of
 * `m + r - 1` data with `r` taps at `m` places.
 */

import { Fraction, ONE, ZERO } from "./fraction.ts";

export type Matrix<T = number> = readonly (readonly T[])[];

/** One dimension of the form F(m, r), with `points = m + r - 1` products. */
export interface Transform<T = number> {
  readonly outputs: number;
  readonly taps: number;
  readonly points: number;
  /** Aᵀ, outputs × points: products to outputs. */
  readonly inverse: Matrix<T>;
  /** G, points × taps: taps to factors. */
  readonly filter: Matrix<T>;
  /** Bᵀ, points × points: data to factors. */
  readonly data: Matrix<T>;
}

/**
 * Where polynomials are evaluated, infinity behind them. Powers of two multiply without rounding, magnitudes near 1 keep
 * the powers in the matrices small, which is what rounding errors grow with, and opposite points share most of their
 * arithmetic. With two points behind 1 and -1, however, 2 and -1/2 round three times less than 2 and -2.
 */
const POINTS: readonly Fraction[] = [
  [0n, 1n],
  [1n, 1n],
  [-1n, 1n],
  [2n, 1n],
  [-1n, 2n],
  [1n, 2n],
  [-2n, 1n],
  [4n, 1n],
  [-1n, 4n],
  [1n, 4n],
  [-4n, 1n],
].map(([numerator, denominator]) => new Fraction(numerator, denominator));

/** Points there are for. */
export const MOST_POINTS = POINTS.length + 1;

/** The matrices of F(outputs, taps) as exact fractions. */
export function exactTransform(outputs: number, taps: number): Transform<Fraction> {
  const points = outputs + taps - 1;
  const finite = POINTS.slice(0, points - 1);
  const infinity = (length: number): Fraction[] =>
    Array.from({ length }, (_, k) => (k === length - 1 ? ONE : ZERO));
  const powers = (point: Fraction, length: number): Fraction[] => {
    const row: Fraction[] = [];
    for (let k = 0; k < length; k++) row.push(k === 0 ? ONE : row[k - 1].times(point));
    return row;
  };
  const evaluated = (length: number): Fraction[][] => [
    ...finite.map((point) => powers(point, length)),
    infinity(length),
  ];
  const filter = evaluated(taps).map((row, k) => {
    if (k === finite.length) return row;
    const others = finite.filter((_, other) => other !== k);
    const norm = others.reduce((n, other) => n.times(finite[k].minus(other)), ONE);
    return row.map((value) => value.over(norm));
  });
  const data = [
    ...finite.map((_, k) => [...polynomial(finite.filter((_, other) => other !== k)), ZERO]),
    polynomial(finite),
  ];
  return { outputs, taps, points, inverse: transposed(evaluated(outputs)), filter, data };
}

/** The same in numbers. Bᵀ and A hold sums of powers of two and are exact; G is rounded. */
export function transformOf(outputs: number, taps: number): Transform {
  const exact = exactTransform(outputs, taps);
  const numbers = (matrix: Matrix<Fraction>): Matrix => matrix.map((row) => row.map((f) => f.toNumber()));
  return {
    ...exact,
    inverse: numbers(exact.inverse),
    filter: numbers(exact.filter),
    data: numbers(exact.data),
  };
}

export const transposed = <T>(matrix: Matrix<T>): Matrix<T> =>
  matrix[0].map((_, k) => matrix.map((row) => row[k]));

/** Coefficients, lowest first, of the monic polynomial with these roots. */
function polynomial(roots: readonly Fraction[]): Fraction[] {
  let coefficients = [ONE];
  for (const root of roots) {
    const factor = coefficients;
    const shifted = [ZERO, ...factor];
    coefficients = shifted.map((c, k) => (k < factor.length ? c.minus(root.times(factor[k])) : c));
  }
  return coefficients;
}
