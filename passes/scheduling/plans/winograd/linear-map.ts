/**
 * Multiplies a constant matrix by a vector of expressions, in few operations and with exact zeros: rows or columns that
 * differ only in signs share their work, and a row whose coefficients add up to
 * zero is computed from differences, so that equal data give exactly zero.
 */

import { add, float, mul, sub } from "../../../../src/loop/build.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import type { Matrix } from "./transform-matrices.ts";

/** `matrix · values`; operands that occur more than once are equal trees, so that they are computed once. */
export function linearMap(matrix: Matrix, values: readonly Expr[]): Expr[] {
  const rows = pairsOf(matrix);
  if (rows.length > 0) return byRowPairs(matrix, rows, values);
  const columns = pairsOf(matrix[0].map((_, k) => matrix.map((row) => row[k])));
  return columns.length > 0
    ? byColumnPairs(matrix, columns, values)
    : matrix.map((row) => sumOf(row, values));
}

type Pair = readonly [number, number];

/** Pairs of rows that differ in the signs of some entries. */
function pairsOf(matrix: Matrix): Pair[] {
  const pairs: Pair[] = [];
  const isOpposite = (a: readonly number[], b: readonly number[]): boolean =>
    a.every((x, k) => Math.abs(x) === Math.abs(b[k])) &&
    a.some((x, k) => x !== 0 && x === b[k]) &&
    a.some((x, k) => x !== b[k]);
  matrix.forEach((row, i) => {
    if (pairs.some((pair) => pair.includes(i))) return;
    const partner = matrix.findIndex(
      (other, j) => j > i && !pairs.some((pair) => pair.includes(j)) && isOpposite(row, other),
    );
    if (partner >= 0) pairs.push([i, partner]);
  });
  return pairs;
}

/** Rows p and q are e + o and e - o: e over columns in which they agree, o over the others. */
function byRowPairs(matrix: Matrix, pairs: readonly Pair[], values: readonly Expr[]): Expr[] {
  const sums: Expr[] = [];
  for (const [p, q] of pairs) {
    const agree = matrix[p].map((x, k) => (x === matrix[q][k] ? x : 0));
    const differ = matrix[p].map((x, k) => (x === matrix[q][k] ? 0 : x));
    const [even, odd] = [sumOf(agree, values), sumOf(differ, values)];
    sums[p] = add(even, odd);
    sums[q] = sub(even, odd);
  }
  return matrix.map((row, k) => sums[k] ?? sumOf(row, values));
}

/** Columns p and q enter every row as their sum or as their difference. */
function byColumnPairs(matrix: Matrix, pairs: readonly Pair[], values: readonly Expr[]): Expr[] {
  const paired = new Map(pairs.map(([p, q]) => [p, q]));
  const seconds = new Set(pairs.map(([, q]) => q));
  const sums = new Map(pairs.map(([p, q]) => [p, add(values[p], values[q])]));
  const differences = new Map(pairs.map(([p, q]) => [p, sub(values[p], values[q])]));
  return matrix.map((row) => {
    const terms = row.map((_, k) => {
      const partner = paired.get(k);
      if (partner === undefined) return values[k];
      return (row[k] === row[partner] ? sums.get(k) : differences.get(k)) ?? values[k];
    });
    return signedSum(
      row.map((x, k) => (seconds.has(k) ? 0 : x)),
      terms,
    );
  });
}

/** One row times the values: by differences of neighbours if its coefficients add up to zero. */
function sumOf(row: readonly number[], values: readonly Expr[]): Expr {
  const used = row.flatMap((coefficient, k) =>
    coefficient === 0 ? [] : [{ coefficient, value: values[k] }],
  );
  const total = used.reduce((sum, { coefficient }) => sum + coefficient, 0);
  if (total !== 0 || used.length < 2) return signedSum(row, values);
  let partial = 0;
  const coefficients: number[] = [];
  const differences: Expr[] = [];
  for (let k = 0; k + 1 < used.length; k++) {
    partial += used[k].coefficient;
    coefficients.push(partial);
    differences.push(sub(used[k].value, used[k + 1].value));
  }
  return signedSum(coefficients, differences);
}

/** `Σ coefficient · value`, a positive term first, subtracting if that saves a multiplication by -1. */
function signedSum(coefficients: readonly number[], values: readonly Expr[]): Expr {
  const terms = coefficients
    .map((coefficient, k) => ({ coefficient, value: values[k] }))
    .filter(({ coefficient }) => coefficient !== 0);
  const positive = terms.findIndex(({ coefficient }) => coefficient > 0);
  const [first] = terms.splice(Math.max(positive, 0), 1);
  if (first === undefined) return float(0);
  const scaled = (coefficient: number, value: Expr): Expr => mul(value, float(coefficient));
  return terms.reduce(
    (sum, { coefficient, value }) =>
      coefficient > 0 ? add(sum, scaled(coefficient, value)) : sub(sum, scaled(-coefficient, value)),
    scaled(first.coefficient, first.value),
  );
}
