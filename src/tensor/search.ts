/** Finding positions among sorted numbers, with PyTorch's names, argument order and defaults. */

import { sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { asOperand, readOnlyOption, refuse, requireTensor } from "./arguments.ts";
import { apply } from "./operation.ts";
import { compared, promoted, scalarLike } from "./promotion.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The positions at which `values` would be inserted into the sorted numbers along the last axis of `sortedSequence`:
 * before equal ones, or with `right` after them; int32. All are compared, so the cost is the product of the two
 * lengths. NaN sorts after all numbers, and must not be among the sorted ones.
 */
export function searchsorted(
  sortedSequence: Tensor,
  values: Tensor | number,
  options: SearchOptions = {},
): Tensor {
  requireTensor("searchsorted", sortedSequence);
  const right = readOnlyOption("searchsorted", options, "right", false);
  const wanted = asOperand("searchsorted", values, (value) =>
    scalarLike("searchsorted", value, sortedSequence),
  );
  const outer = sortedSequence.shape.slice(0, -1);
  const isList = sortedSequence.ndim === 1;
  if (sortedSequence.ndim === 0 || !(isList || sameShape(outer, wanted.shape.slice(0, -1))))
    return refuse(
      `searchsorted needs a sorted list, or one for each row of the values, not ${describe(sortedSequence)} for ${describe(wanted)}`,
    );
  return placesAmong(isList ? sortedSequence : sortedSequence.unsqueeze(-2), wanted, right);
}

/**
 * Which of the buckets between the sorted `boundaries` each element lies in; a boundary belongs to the one below it, or
 * with `right` to the one above.
 */
export function bucketize(input: Tensor | number, boundaries: Tensor, options: SearchOptions = {}): Tensor {
  requireTensor("bucketize", boundaries);
  if (boundaries.ndim !== 1)
    return refuse(`bucketize needs a list of boundaries, not ${describe(boundaries)}`);
  const wanted = asOperand("bucketize", input, (value) => scalarLike("bucketize", value, boundaries));
  return placesAmong(boundaries, wanted, readOnlyOption("bucketize", options, "right", false));
}

/** The number of sorted numbers before each value: those less than it, or not greater. */
function placesAmong(sorted: Tensor, values: Tensor, right: boolean): Tensor {
  const [numbers, each] = promoted(sorted, values.unsqueeze(-1));
  const isBehind = apply("compare", [numbers, each], { relation: right ? "gt" : "ge" });
  return compared(isBehind, "eq", 0).sum(-1);
}

/** The options of searchsorted and bucketize. */
export interface SearchOptions {
  /** Whether the position after equal numbers is wanted (default: false). */
  readonly right?: boolean;
}
