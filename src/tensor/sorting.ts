/**
 * Sorting along an axis, with PyTorch's names, argument order and defaults. Elements are ranked by counting, n² comparisons
 * for the n along the axis (src/ops/order.ts): fine for some thousands, slow beyond. Equal elements keep their order, NaN
 * counts as the largest, and gradients go to the elements that were taken.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { reducedShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { type Keepdim, readKeepdim, refuse, requireTensor } from "./arguments.ts";
import { axisOf } from "./axes.ts";
import { gather } from "./lookup.ts";
import { type NamedTuple, namedTuple } from "./named-tuple.ts";
import { apply } from "./operation.ts";
import { narrow } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** Sorted elements and their positions, by name or in this order: `const [values, indices] = x.sort()` (torch.return_types.sort). */
export type Sorted = NamedTuple<{
  /** The elements, in order. */
  readonly values: Tensor;
  /** int32. */
  readonly indices: Tensor;
}>;

/** The named arguments of {@link sort} and {@link argsort}. */
export interface SortOptions {
  /** The axis (default: the last one). */
  readonly dim?: number;
  /** Whether to sort from the largest to the smallest (default: false). */
  readonly descending?: boolean;
  /** Whether equal elements keep their order; they always do. */
  readonly stable?: boolean;
}

const SORT_OPTIONS = { dim: true, descending: true, stable: true } satisfies OptionNames<SortOptions>;

/** `dim` and `descending`, by position or by name. */
function readSort(callee: string, dim: number | SortOptions | undefined, descending: boolean | undefined) {
  const given = typeof dim === "object" && dim !== null ? dim : { dim, descending };
  return withOrigin(() => {
    checkOptionNames(callee, given, SORT_OPTIONS);
    const { dim: axis = -1, descending: falls = false } = given;
    if (typeof falls !== "boolean")
      throw new KilnError(`${callee}'s descending must be true or false, not ${describeValue(falls)}`);
    return { dim: axis, descending: falls };
  });
}

/** The elements sorted along `dim`, the last axis by default, and their positions. */
export function sort(input: Tensor, dim?: number | SortOptions, descending?: boolean): Sorted {
  requireTensor("sort", input);
  const given = readSort("sort", dim, descending);
  return taken(input, given.dim, given.descending, (x, axis) => x.shape[axis]);
}

/** The elements sorted along the first axis (torch.msort). */
export const msort = (input: Tensor): Tensor => sort(input, 0).values;

/** The positions of the sorted elements along `dim`; int32. */
export function argsort(input: Tensor, dim?: number | SortOptions, descending?: boolean): Tensor {
  requireTensor("argsort", input);
  const given = readSort("argsort", dim, descending);
  return taken(input, given.dim, given.descending, (x, axis) => x.shape[axis]).indices;
}

/** The named arguments of {@link topk}. */
export interface TopkOptions {
  /** The axis (default: the last). */
  readonly dim?: number;
  /** Whether the largest are wanted (default) or the smallest. */
  readonly largest?: boolean;
  /** Whether they come in order; they always do. */
  readonly sorted?: boolean;
}

const TOPK_OPTIONS = { dim: true, largest: true, sorted: true } satisfies OptionNames<TopkOptions>;

/** The `k` largest elements along `dim`, the last axis by default, or the smallest, in order, and their positions. */
export function topk(input: Tensor, k: number, dim?: number | TopkOptions, largest?: boolean): Sorted {
  requireTensor("topk", input);
  const given = typeof dim === "object" && dim !== null ? dim : { dim, largest };
  const { dim: axis = -1, largest: isLargest = true } = given;
  withOrigin(() => {
    checkOptionNames("topk", given, TOPK_OPTIONS);
    if (typeof isLargest !== "boolean")
      throw new KilnError(`topk's largest must be true or false, not ${describeValue(isLargest)}`);
  });
  return taken(input, axis, isLargest, (x, own) => {
    const extent = x.shape[own];
    if (!Number.isSafeInteger(k) || k < 0 || k > extent)
      return refuse(
        `topk needs a number of elements among 0..${extent} along axis ${own} of ${describe(input)}, not ${k}`,
      );
    return k;
  });
}

/** The `k`-th smallest element along `dim`, counted from 1, and its position. */
export function kthvalue(input: Tensor, k: number, dim = -1, keepdim?: Keepdim): Sorted {
  requireTensor("kthvalue", input);
  const isKept = readKeepdim("kthvalue", keepdim);
  const axis = axisOf(input, dim);
  const smallest = taken(input, axis, false, (x) => {
    const extent = x.shape[axis];
    if (!Number.isSafeInteger(k) || k < 1 || k > extent)
      return refuse(
        `kthvalue needs a k among 1..${extent} along axis ${axis} of ${describe(input)}, not ${k}`,
      );
    return k;
  });
  const shape = reducedShape(input.shape, input.ndim === 0 ? [] : [axis], isKept);
  const last = (x: Tensor): Tensor => (x.ndim === 0 ? x : narrow(x, axis, k - 1, 1)).reshape(shape);
  return namedTuple({ values: last(smallest.values), indices: last(smallest.indices) });
}

/** The first elements in order, and where they stood; a single number counts as a list of one. */
function taken(
  input: Tensor,
  dim: number,
  descending: boolean,
  count: (x: Tensor, axis: number) => number,
): Sorted {
  const axis = axisOf(input, dim);
  const x = input.ndim === 0 ? input.reshape(1) : input;
  const extent = count(x, axis);
  const rank = apply("sort_rank", [x], { axis, descending });
  const indices = apply("last_position", [rank], { axis, extent, absent: 0 });
  const values = gather(x, axis, indices);
  if (input.ndim > 0 || extent === 0) return namedTuple({ values, indices });
  return namedTuple({ values: values.reshape([]), indices: indices.reshape([]) });
}
