/**
 * Reductions of integers, exact and modulo 2³²: the two halves of an axis are combined until one element is left.
 * Kernels add up floats, which hold integers only to 2²⁴.
 */

import { reducedShape } from "../core/shape.ts";
import { requireExtents } from "../ops/reduction.ts";
import { axesOf, type Dims } from "./axes.ts";
import { gather } from "./lookup.ts";
import { apply, constant } from "./operation.ts";
import { narrow, where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

type Combine = (a: Tensor, b: Tensor) => Tensor;

/** All elements over `dim` combined, of none `neutral`. */
export function reduceByHalves(
  input: Tensor,
  dim: Dims | undefined,
  keepdim: boolean,
  combine: Combine,
  neutral?: number,
): Tensor {
  const axes = axesOf(input, dim);
  const reduced = axes.reduce((x, axis) => halved(x, axis, combine, neutral), input);
  return reduced.reshape(reducedShape(input.shape, axes, keepdim));
}

function halved(input: Tensor, axis: number, combine: Combine, neutral?: number): Tensor {
  const extent = input.shape[axis];
  if (extent === 0) {
    if (neutral === undefined) withOrigin(() => requireExtents("a reduction", input, [axis]));
    const shape = input.shape.map((own, k) => (k === axis ? 1 : own));
    return constant(neutral ?? 0, input.dtype).expand(shape);
  }
  let result = input;
  let odd: Tensor | undefined;
  for (let left = extent; left > 1; left = Math.floor(left / 2)) {
    const half = Math.floor(left / 2);
    if (left % 2 === 1) {
      const last = narrow(result, axis, left - 1, 1);
      odd = odd === undefined ? last : combine(odd, last);
    }
    result = combine(narrow(result, axis, 0, half), narrow(result, axis, half, half));
  }
  return odd === undefined ? result : combine(result, odd);
}

export const wholeSum = (x: Tensor, dim: Dims | undefined, keepdim: boolean): Tensor =>
  reduceByHalves(x, dim, keepdim, (a, b) => a.add(b), 0);
export const wholeProduct = (x: Tensor, dim: Dims | undefined, keepdim: boolean): Tensor =>
  reduceByHalves(x, dim, keepdim, (a, b) => a.mul(b), 1);
export const wholeMax = (x: Tensor, dim: Dims | undefined, keepdim: boolean): Tensor =>
  reduceByHalves(x, dim, keepdim, (a, b) => a.maximum(b));
export const wholeMin = (x: Tensor, dim: Dims | undefined, keepdim: boolean): Tensor =>
  reduceByHalves(x, dim, keepdim, (a, b) => a.minimum(b));

/** The extreme elements along `dim`, or of all, and the position of the first of them. */
export function wholeExtremes(
  input: Tensor,
  dim: number | undefined,
  keepdim: boolean,
  wins: "gt" | "lt",
): { readonly values: Tensor; readonly indices: Tensor } {
  const axes = axesOf(input, dim);
  const isList = dim === undefined || input.ndim === 0;
  const [x, axis] = isList ? [input.reshape(-1), 0] : [input, axes[0]];
  const start = apply("iota", [], { shape: x.shape, axis, start: 0, step: 1 });
  const places = reduceByHalves(start, axis, true, (a, b) => {
    const [own, other] = [gather(x, axis, a), gather(x, axis, b)];
    const isBetter = apply("compare", [other, own], { relation: wins });
    return where(isBetter.logicalOr(other.eq(own).logicalAnd(b.lt(a))), b, a);
  });
  const shape = reducedShape(input.shape, axes, keepdim);
  return { values: gather(x, axis, places).reshape(shape), indices: places.reshape(shape) };
}
