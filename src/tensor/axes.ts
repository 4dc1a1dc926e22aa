/** What users write for axes, checked at once and with the model's line. */

import { normalizeAxes, normalizeAxis } from "../core/shape.ts";
import { refuse, requireTensor } from "./arguments.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** One axis or several; negative ones count from the end. */
export type Dims = number | readonly number[];

/** The axis that `dim` names. */
export const axisOf = (input: Tensor, dim: number): number =>
  withOrigin(() => normalizeAxis(dim, input.ndim));

/** The axis that `dim` names, of a tensor that has one. */
export function ownAxisOf(callee: string, input: Tensor, dim: number): number {
  requireTensor(callee, input);
  return input.ndim > 0
    ? axisOf(input, dim)
    : refuse(`${callee} needs a tensor with an axis, not a single number`);
}

/** `f` along the axis that `dim` names; a single number counts as a list of one. */
export function alongAxis(input: Tensor, dim: number, f: (input: Tensor, axis: number) => Tensor): Tensor {
  const axis = axisOf(input, dim);
  return input.ndim > 0 ? f(input, axis) : f(input.reshape(1), 0).reshape([]);
}

/** The axes that `dim` names, sorted; all axes when it names none. A single number has none, whatever is named. */
export function axesOf(input: Tensor, dim: Dims | undefined): number[] {
  const axes = withOrigin(() => normalizeAxes(dim, input.ndim));
  return input.ndim === 0 ? [] : axes;
}
