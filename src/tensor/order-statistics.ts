/** Medians, quantiles and their like, with PyTorch's names, argument order and defaults. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { reducedShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { requireExtents } from "../ops/reduction.ts";
import { asOperand, type Keepdim, readKeepdim, refuse, requireFloats, requireTensor } from "./arguments.ts";
import { axesOf, axisOf } from "./axes.ts";
import { gather } from "./lookup.ts";
import { namedTuple } from "./named-tuple.ts";
import { apply, constant } from "./operation.ts";
import { to } from "./promotion.ts";
import { movedim, where } from "./rearrange.ts";
import { type Sorted, sort } from "./sorting.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** The median of all elements, the lower of two middle ones; NaN if there is one. Equal elements share the gradient. */
export function median(input: Tensor): Tensor;
/** The median along `dim`, the lower of two middle elements, and its position. */
export function median(input: Tensor, dim: number, keepdim?: Keepdim): Sorted;
export function median(input: Tensor, dim?: number, keepdim?: Keepdim): Tensor | Sorted {
  return middle("median", input, dim, keepdim);
}

/** Like {@link median}, ignoring NaN; NaN if there is nothing else. */
export function nanmedian(input: Tensor): Tensor;
export function nanmedian(input: Tensor, dim: number, keepdim?: Keepdim): Sorted;
export function nanmedian(input: Tensor, dim?: number, keepdim?: Keepdim): Tensor | Sorted {
  return middle("nanmedian", input, dim, keepdim);
}

function middle(
  callee: "median" | "nanmedian",
  input: Tensor,
  dim: number | undefined,
  keepdim: Keepdim | undefined,
): Tensor | Sorted {
  requireTensor(callee, input);
  const isKept = readKeepdim(callee, keepdim);
  if (dim === undefined) {
    if (input.numel() === 0) {
      requireFloats(`${callee} of nothing`, input);
      return constant(Number.NaN);
    }
    return sharedByEqual(input, middleAlong(callee, input.detach().reshape(-1), 0).values.reshape([]));
  }
  const axis = axisOf(input, dim);
  withOrigin(() => requireExtents(callee, input, input.ndim === 0 ? [] : [axis]));
  const list = input.ndim === 0 ? input.reshape(1) : input;
  const { values, indices } = middleAlong(callee, list, axis);
  const shape = reducedShape(input.shape, input.ndim === 0 ? [] : [axis], isKept);
  return namedTuple({ values: values.reshape(shape), indices: indices.reshape(shape) });
}

/** One of the elements as the largest of those that equal it, which share its gradient evenly. */
function sharedByEqual(input: Tensor, value: Tensor): Tensor {
  if (input.dtype !== "float32") return value;
  const isEqual = input.eq(value).logicalOr(input.isnan().logicalAnd(value.isnan()));
  return where(isEqual, input, Number.NEGATIVE_INFINITY).amax();
}

/** The middle along an axis, which stays with extent 1. */
function middleAlong(callee: "median" | "nanmedian", x: Tensor, axis: number): Sorted {
  const sorted = sort(x, axis);
  const extent = x.shape[axis];
  const one = x.shape.map((own, k) => (k === axis ? 1 : own));
  const place = (): Tensor => {
    if (x.dtype !== "float32") return constant(Math.floor((extent - 1) / 2), "int32").expand(one);
    const numbers = x.isnan().logicalNot().sum(axis, true);
    const middle = numbers.sub(1).bitwiseRightShift(1);
    // NaN are sorted after all numbers, so the first of them comes after the numbers.
    return callee === "nanmedian" ? middle : where(numbers.lt(extent), numbers, middle);
  };
  const rank = place().clamp(0, extent - 1);
  return namedTuple({
    values: gather(sorted.values, axis, rank),
    indices: gather(sorted.indices, axis, rank),
  });
}

/** What is taken of a place between two elements. */
export type Interpolation = "linear" | "lower" | "higher" | "nearest" | "midpoint";

const INTERPOLATIONS: readonly Interpolation[] = ["linear", "lower", "higher", "nearest", "midpoint"];

/** The named arguments of {@link quantile}. */
export interface QuantileOptions {
  /** The axis; all elements by default. */
  readonly dim?: number | null;
  /** Whether the reduced axis stays with extent 1 (default: false). */
  readonly keepdim?: boolean;
  /** How to interpolate between two elements (default: "linear"). */
  readonly interpolation?: Interpolation;
}

/** The remaining options if `dim` and `keepdim` are given by position. */
export type InterpolationOptions = Pick<QuantileOptions, "interpolation">;

const QUANTILE = { dim: true, keepdim: true, interpolation: true } satisfies OptionNames<QuantileOptions>;

/**
 * The `q`-th quantile of the elements along `dim`, or of all elements; NaN if one of them is NaN. `q` must be in [0,
 * 1]; in a tensor, others give NaN. For a 1-D tensor of them, the results have a new first axis.
 */
export const quantile = (
  input: Tensor,
  q: number | Tensor,
  dim?: number | null | QuantileOptions,
  keepdim?: boolean,
  options?: InterpolationOptions,
): Tensor => quantiles("quantile", input, q, dim, keepdim, options);

/** Like {@link quantile}, ignoring NaN; NaN if there is nothing else. */
export const nanquantile = (
  input: Tensor,
  q: number | Tensor,
  dim?: number | null | QuantileOptions,
  keepdim?: boolean,
  options?: InterpolationOptions,
): Tensor => quantiles("nanquantile", input, q, dim, keepdim, options);

function quantiles(
  callee: "quantile" | "nanquantile",
  input: Tensor,
  q: number | Tensor,
  dim: number | null | QuantileOptions | undefined,
  keepdim: boolean | undefined,
  last: InterpolationOptions = {},
): Tensor {
  requireFloats(callee, input);
  const given: QuantileOptions =
    typeof dim === "object" && dim !== null
      ? dim
      : { ...(dim !== undefined && { dim }), ...(keepdim !== undefined && { keepdim }), ...last };
  const { interpolation, isKept } = readQuantile(callee, given);
  if (typeof q === "number" && !(q >= 0 && q <= 1))
    return refuse(`${callee}'s q must lie between 0 and 1, and ${q} does not`);
  const parts = asOperand(callee, q, (value) => constant(value));
  if (parts.dtype !== "float32" || parts.ndim > 1)
    return refuse(`${callee}'s q must be a number or a list of float32 numbers, not ${describe(parts)}`);
  if (input.numel() === 0) return refuse(`${callee} of ${describe(input)} has nothing to choose from`);
  const wanted = given.dim ?? undefined;
  const axes = axesOf(input, wanted);
  // What is chosen from is the last axis, as are the quantiles.
  const x = wanted === undefined || input.ndim === 0 ? input.reshape(-1) : movedim(input, axes[0], -1);
  const isPart = parts.ge(0).logicalAnd(parts.le(1)).reshape(-1);
  const found = where(isPart, amongSorted(callee, x, parts.reshape(-1), interpolation), Number.NaN);
  const shape = reducedShape(input.shape, axes, isKept);
  const list = movedim(found, -1, 0);
  return list.reshape(parts.ndim === 0 ? shape : [parts.numel(), ...shape]);
}

function readQuantile(callee: string, options: QuantileOptions) {
  return withOrigin(() => {
    checkOptionNames(callee, options, QUANTILE);
    const { interpolation = "linear", keepdim } = options;
    if (!INTERPOLATIONS.includes(interpolation))
      throw new KilnError(
        `${callee}'s interpolation is one of ${INTERPOLATIONS.join(", ")}, not ${describeValue(interpolation)}`,
      );
    return { interpolation, isKept: readKeepdim(callee, keepdim) };
  });
}

/** The quantiles along the last axis, in its place. */
function amongSorted(
  callee: "quantile" | "nanquantile",
  x: Tensor,
  q: Tensor,
  interpolation: Interpolation,
): Tensor {
  const { values } = sort(x, -1);
  const extent = x.shape[x.ndim - 1];
  const rows = [...x.shape.slice(0, -1), q.numel()];
  const numbers = x.isnan().logicalNot().sum(-1, true);
  const last = callee === "quantile" ? constant(extent - 1) : numbers.float().sub(1).clamp(0);
  const between = q.mul(last).expand(rows);
  const place = callee === "quantile" ? where(numbers.eq(extent), between, extent - 1) : between;
  const at = (rank: Tensor): Tensor => gather(values, -1, to(rank.detach().clamp(0, extent - 1), "int32"));
  switch (interpolation) {
    case "lower":
      return at(place.floor());
    case "higher":
      return at(place.ceil());
    case "nearest":
      return at(place.round());
    case "linear":
      return apply("lerp", [at(place.floor()), at(place.ceil()), place.sub(place.floor())]);
    case "midpoint":
      return apply("lerp", [at(place.floor()), at(place.ceil()), constant(0.5)]);
    default:
      return interpolation satisfies never;
  }
}
