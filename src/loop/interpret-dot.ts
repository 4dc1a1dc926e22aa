/**
 * The interpreter's only shortcut: the innermost iterations of a sum of products of (guarded) affine loads. The same
 * terms are added in the same order; there is only less bookkeeping per term, without which a convolutional
 * net could not be interpreted in reasonable time.
 */

import { isFloat } from "../core/dtype.ts";
import { type Affine, addAffine, occursInside, toAffine } from "./affine.ts";
import type { Expr } from "./types.ts";
import { isIndex } from "./typing.ts";
import { conjuncts } from "./walk.ts";

/** A load `buffer[index]`, 0 if one of `guards` is negative; all forms affine. */
interface Factor {
  readonly buffer: string;
  readonly index: Affine;
  readonly guards: readonly Affine[];
}

/** An affine form at position 0 of the innermost axis, and its step along it. */
export interface Line {
  readonly start: () => number;
  readonly step: number;
}

export interface Dot {
  readonly factors: readonly [Factor, Factor];
}

/** The two factors of a reduction's body, if it is a product of loads; `undefined` for any other body. */
export function dotOf(body: Expr): Dot | undefined {
  if (body.kind !== "binary" || body.op !== "mul" || !isFloat(body.dtype)) return undefined;
  const a = factorOf(body.a);
  const b = factorOf(body.b);
  return a && b && { factors: [a, b] };
}

function factorOf(e: Expr): Factor | undefined {
  if (e.kind === "load") return { buffer: e.buffer, index: toAffine(e.index), guards: [] };
  if (e.kind !== "select" || e.a.kind !== "load" || e.b.kind !== "const" || e.b.value !== 0) return undefined;
  const guards: Affine[] = [];
  for (const test of conjuncts(e.condition)) {
    if (test.kind !== "compare" || !isIndex(test.a)) return undefined;
    const [low, high] = test.op === "ge" ? [test.b, test.a] : test.op === "lt" ? [test.a, test.b] : [];
    if (low === undefined || high === undefined) return undefined;
    const strict = test.op === "lt" ? 1 : 0;
    const difference = addAffine(toAffine(high), toAffine(low), -1);
    guards.push({ ...difference, constant: difference.constant - strict });
  }
  return { buffer: e.a.buffer, index: toAffine(e.a.index), guards };
}

/** Whether every form has a constant step along `axis`. */
export function isEven({ factors }: Dot, axis: string): boolean {
  return factors.every(({ index, guards }) => [index, ...guards].every((form) => !occursInside(form, axis)));
}

/** Adds the products of one innermost iteration of `extent` positions to `sum`. */
export function runDot(
  sum: number,
  extent: number,
  a: Float64Array,
  b: Float64Array,
  indexA: Line,
  indexB: Line,
  guards: readonly Line[],
): number {
  let low = 0;
  let high = extent;
  for (const { start, step } of guards) {
    const first = start();
    if (step === 0) {
      if (first < 0) return sum;
    } else if (step > 0) low = Math.max(low, Math.ceil(-first / step));
    else high = Math.min(high, Math.floor(first / -step) + 1);
  }
  const stepA = indexA.step;
  const stepB = indexB.step;
  let i = indexA.start() + low * stepA;
  let j = indexB.start() + low * stepB;
  let total = sum;
  for (let k = low; k < high; k++, i += stepA, j += stepB) total += a[i] * b[j];
  return total;
}
