/**
 * Long sums in blocks. The error of one accumulator that takes all terms one after the other grows with their number,
 * and the accumulator stops growing once it is 2²⁴ times as large as a term: 2²⁵ ones add up to half of that. The error
 * of sums of sums of short blocks grows with the number of levels, the logarithm of the number of terms.
 */

import { isFloat } from "../core/dtype.ts";
import { add, int, mul, variable } from "./build.ts";
import type { Expr, ReduceAxis } from "./types.ts";
import { rewriter, substitute } from "./walk.ts";

/**
 * The most terms that one accumulator takes. The error of a block of n terms is n·2⁻²⁴ at worst: 6·10⁻⁵, and 30 times
 * less on average. It is long enough that closing it (an addition for each accumulator, and starting its loop again)
 * costs less than a hundredth of it, and that the sums of nearly all layers are one block: the forward pass of a 3×3
 * convolution of 113 channels, a linear layer of 1,024 features, the pixels of an image of 32×32.
 */
export const BLOCK = 1024;

/** A loop of at least this length is a block by itself: no axis has to be cut. */
const LONG_ENOUGH = BLOCK / 8;

type Reduce = Extract<Expr, { kind: "reduce" }>;

/** The expression with every long sum of numbers in it as sums of blocks. */
export const inBlocks = (): ((e: Expr) => Expr) =>
  rewriter((e) => (e.kind === "reduce" && e.op === "sum" && isFloat(e.dtype) ? blocked(e) : e));

const termsOf = (axes: readonly ReduceAxis[]): number => axes.reduce((n, { extent }) => n * extent, 1);

/** The sum over blocks of sums within them; if there are many blocks, their sums are in blocks, too. */
function blocked(sum: Reduce): Expr {
  if (termsOf(sum.axes) <= BLOCK) return sum;
  let first = sum.axes.length;
  let terms = 1;
  while (terms * sum.axes[first - 1].extent <= BLOCK) terms *= sum.axes[--first].extent;
  if (terms >= LONG_ENOUGH) return nested(sum, sum.axes.slice(0, first), sum.axes.slice(first), sum.body);
  return cut(sum, first - 1, Math.floor(BLOCK / terms));
}

/** Cuts the axis at `place` so that stretches of at most `most` iterations, with all axes inside of it, are a block. */
function cut(sum: Reduce, place: number, most: number): Expr {
  const { name, extent } = sum.axes[place];
  const [outer, inner] = [sum.axes.slice(0, place), sum.axes.slice(place + 1)];
  const size = stretchOf(extent, most);
  const blocks = Math.floor(extent / size);
  const block = `${name}_block`;
  const within = (start: Expr, iterations: number): Reduce => ({
    ...sum,
    axes: [{ name, extent: iterations }, ...inner],
    body: substitute(sum.body, new Map([[name, add(start, variable(name))]])),
  });
  const whole = within(mul(variable(block), int(size)), size);
  const sums = nested(sum, [...outer, { name: block, extent: blocks }], whole.axes, whole.body);
  const rest = extent - blocks * size;
  if (rest === 0) return sums;
  const last = within(int(blocks * size), rest);
  return add(sums, nested(sum, outer, last.axes, last.body));
}

/** The longest stretch that divides an axis, if that is at least half of `most`; otherwise `most`. */
function stretchOf(extent: number, most: number): number {
  for (let size = most; size > most / 2; size--) if (extent % size === 0) return size;
  return most;
}

const nested = (
  sum: Reduce,
  outer: readonly ReduceAxis[],
  inner: readonly ReduceAxis[],
  body: Expr,
): Expr => {
  const block: Expr = { ...sum, axes: inner, body };
  return outer.length === 0 ? block : blocked({ ...sum, axes: outer, body: block });
};
