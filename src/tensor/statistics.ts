/** Reductions and other computations over tensors that are made of several ops, with PyTorch's names and defaults. */

import { nearestInt32 } from "../core/conversion.ts";
import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { reducedShape, sizeOf } from "../core/shape.ts";
import { readKeepdim, refuse, requireFloats, requireTensor } from "./arguments.ts";
import { axesOf, type Dims } from "./axes.ts";
import { type NamedTuple, namedTuple } from "./named-tuple.ts";
import { flatSqrt } from "./norms.ts";
import { apply, resultOf } from "./operation.ts";
import { compared, promoted, promotedAll, to } from "./promotion.ts";
import { narrow, operandLike } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { wholeExtremes } from "./whole-reductions.ts";
import { withOrigin } from "./with-origin.ts";

/** The smallest element over `dim`, or of all; equal minima share the gradient evenly, and NaN wins. */
export const amin = (input: Tensor, dim?: Dims, keepdim = false): Tensor =>
  input.neg().amax(dim, keepdim).neg();

/** The position of the first maximum along `dim`, or in row-major order of all; int32. */
export const argmax = (input: Tensor, dim?: number, keepdim = false): Tensor =>
  maxOver(input, dim, keepdim).indices;

/** The position of the first minimum along `dim`, or in row-major order of all; int32. */
export const argmin = (input: Tensor, dim?: number, keepdim = false): Tensor =>
  minOver(input, dim, keepdim).indices;

/**
 * The product over `dim`, or of all elements. Halves are multiplied with each other until one element is left: nothing
 * is divided, so the gradient is right where elements are zero.
 */
export function prod(input: Tensor, dim?: Dims, keepdim = false): Tensor {
  const axes = axesOf(input, dim);
  const product = axes.reduce(productAlong, input);
  return product.reshape(reducedShape(input.shape, axes, keepdim));
}

function productAlong(input: Tensor, axis: number): Tensor {
  // Of nothing it is 1: the sum, which is 0, and 1.
  if (input.shape[axis] === 0) return input.sum(axis, true).add(1);
  let product = input;
  let odd: Tensor | undefined;
  for (let extent = input.shape[axis]; extent > 1; extent = Math.floor(extent / 2)) {
    const half = Math.floor(extent / 2);
    if (extent % 2 === 1) {
      const last = narrow(product, axis, extent - 1, 1);
      odd = odd === undefined ? last : odd.mul(last);
    }
    product = narrow(product, axis, 0, half).mul(narrow(product, axis, half, half));
  }
  return odd === undefined ? product : product.mul(odd);
}

/** The named arguments of `var` and `std`, and of their like. */
export interface VarianceOptions {
  /**
   * What is subtracted from the number of elements before dividing: 1 for a sample (default), 0 for a whole population.
   */
  readonly correction?: number;
  /** The same as a boolean: a correction of 1 or of 0. */
  readonly unbiased?: boolean;
  /** Whether the axes stay, with an extent of 1 (default: false). */
  readonly keepdim?: boolean;
}

const VARIANCE = { correction: true, unbiased: true, keepdim: true } satisfies OptionNames<VarianceOptions>;

/** The checked options of `var` and `std`. */
export function readVariance(callee: string, input: Tensor, options: VarianceOptions = {}): VarianceOptions {
  requireFloats(callee, input);
  return withOrigin(() => {
    checkOptionNames(callee, options, VARIANCE);
    const { unbiased, correction = unbiased === false ? 0 : 1, keepdim = false } = options;
    if (unbiased !== undefined && options.correction !== undefined)
      throw new KilnError(`${callee} takes either correction or unbiased, which say the same`);
    if (!Number.isFinite(correction))
      throw new KilnError(`${callee}'s correction must be a number, not ${describeValue(correction)}`);
    return { correction, keepdim: readKeepdim(callee, keepdim) };
  });
}

/** The variance over `dim`, or of all elements (torch.var). */
export function variance(input: Tensor, dim?: Dims, options: VarianceOptions = {}): Tensor {
  const axes = axesOf(input, dim);
  const centered = input.sub(input.mean(axes, true));
  const count = sizeOf(axes.map((axis) => input.shape[axis]));
  const freedom = Math.max(0, count - (options.correction ?? 1));
  return centered
    .mul(centered)
    .sum(axes, options.keepdim ?? false)
    .div(freedom);
}

/** The standard deviation over `dim`, or of all elements (torch.std); its gradient is 0 where it is 0. */
export const std = (input: Tensor, dim?: Dims, options: VarianceOptions = {}): Tensor =>
  flatSqrt(variance(input, dim, options));

/** The variance over `dim`, or of all elements, and the mean (torch.var_mean). */
export const varMean = (input: Tensor, dim?: Dims, options?: VarianceOptions): [Tensor, Tensor] =>
  momentsOf("varMean", input, dim, options);

/** The standard deviation over `dim`, or of all elements, and the mean (torch.std_mean). */
export function stdMean(input: Tensor, dim?: Dims, options?: VarianceOptions): [Tensor, Tensor] {
  const [variance, mean] = momentsOf("stdMean", input, dim, options);
  return [flatSqrt(variance), mean];
}

function momentsOf(
  callee: string,
  input: Tensor,
  dim: Dims | undefined,
  options: VarianceOptions | undefined,
): [Tensor, Tensor] {
  requireTensor(callee, input);
  const read = readVariance(callee, input, options);
  const axes = axesOf(input, dim);
  // The mean that the variance is taken around, so that it is computed once.
  const mean = input.mean(axes, true).reshape(reducedShape(input.shape, axes, read.keepdim ?? false));
  return [variance(input, axes, read), mean];
}

/** The named arguments of {@link aminmax}. */
export interface AminmaxOptions {
  /** The axis to look along; all of the tensor by default. */
  readonly dim?: number;
  /** Whether the axis stays, with an extent of 1 (default: false). */
  readonly keepdim?: boolean;
}

const AMINMAX = { dim: true, keepdim: true } satisfies OptionNames<AminmaxOptions>;

/**
 * The smallest and the largest element along `dim`, or of all; equal ones share the gradient evenly (torch.aminmax).
 */
export function aminmax(
  input: Tensor,
  options: AminmaxOptions = {},
): NamedTuple<{ min: Tensor; max: Tensor }> {
  requireTensor("aminmax", input);
  const { dim, keepdim } = withOrigin(() => {
    checkOptionNames("aminmax", options, AMINMAX);
    return { dim: options.dim, keepdim: readKeepdim("aminmax", options.keepdim) };
  });
  return namedTuple({ min: input.amin(dim, keepdim), max: input.amax(dim, keepdim) });
}

/** The extreme elements along an axis and their positions, by name or in this order (torch.return_types.max). */
export type Extremes = NamedTuple<{
  readonly values: Tensor;
  /** int32; the first of several equal ones. */
  readonly indices: Tensor;
}>;

/** The largest elements along `dim`, or of all, and their positions; the gradient goes to those elements alone. */
export function maxOver(input: Tensor, dim: number | undefined, keepdim = false): Extremes {
  if (input.dtype !== "float32") return wholeOver(input, dim, keepdim, "gt");
  const all = apply("max_dim", [input], { axes: axesOf(input, dim), keepdim });
  return namedTuple({ values: resultOf(all, 0), indices: resultOf(all, 1) });
}

/** The smallest elements along `dim` and their positions; the gradient goes to those elements alone. */
export function minOver(input: Tensor, dim: number | undefined, keepdim = false): Extremes {
  if (input.dtype !== "float32") return wholeOver(input, dim, keepdim, "lt");
  const { values, indices } = maxOver(input.neg(), dim, keepdim);
  return namedTuple({ values: values.neg(), indices });
}

/** The extremes of whole numbers, or of truths. */
function wholeOver(input: Tensor, dim: number | undefined, keepdim: boolean, wins: "gt" | "lt"): Extremes {
  const { values, indices } = wholeExtremes(to(input, "int32"), dim, keepdim, wins);
  return namedTuple({ values: to(values, input.dtype), indices });
}

/** Whether any element along `dim`, or at all, is not 0. */
export const any = (input: Tensor, dim?: Dims, keepdim = false): Tensor =>
  compared(count(compared(input, "ne", 0), dim, keepdim), "gt", 0);

/** Whether no element along `dim`, or at all, is 0. */
export const all = (input: Tensor, dim?: Dims, keepdim = false): Tensor =>
  compared(count(compared(input, "eq", 0), dim, keepdim), "eq", 0);

/** How many are true; exact up to 2²⁴. */
const count = (truths: Tensor, dim: Dims | undefined, keepdim: boolean): Tensor =>
  truths.float().sum(dim, keepdim);

/**
 * The input clamped between `min` and `max`, either of which may be missing; the result is `max` if `min` is larger,
 * and NaN stays NaN. If the bounds are numbers, the gradient passes only strictly between them; tensors share it where
 * the input equals one, as in PyTorch.
 */
export function clamp(input: Tensor, min?: Tensor | number | null, max?: Tensor | number | null): Tensor {
  const bounds = [min ?? undefined, max ?? undefined];
  const [low, high] = bounds;
  if (low === undefined && high === undefined)
    return refuse("clamp needs a bound: clamp(min), clamp(min, max) or clamp(undefined, max)");
  if (bounds.every(isNoTensor)) return clampByNumbers(input, bounds);
  const operand = (bound: Tensor | number): Tensor => operandLike("clamp", bound, input);
  if (high === undefined) return apply("maximum", promoted(input, operand(low as Tensor)));
  if (low === undefined) return apply("minimum", promoted(input, operand(high)));
  return apply("clamp_between", promotedAll([input, operand(low), operand(high)]));
}

const isNoTensor = (bound: Tensor | number | undefined): bound is number | undefined =>
  bound === undefined || typeof bound === "number";

type Bounds = readonly (number | undefined)[];

/** Integers stay integers between integer bounds, and bounds that they cannot reach have no effect. */
function clampByNumbers(input: Tensor, bounds: Bounds): Tensor {
  const isWhole = input.dtype !== "float32" && bounds.every((bound) => (bound ?? 0) % 1 === 0);
  const x = to(input, isWhole ? "int32" : "float32");
  const [min, max] = bounds.map((bound) => (isWhole && bound !== undefined ? nearestInt32(bound) : bound));
  return apply("clamp", [x], { ...(min !== undefined && { min }), ...(max !== undefined && { max }) });
}
