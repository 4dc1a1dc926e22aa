/** What users write for axes, checked at once and with the model's line. */

import { normalizeAxes, normalizeAxis } from "../core/shape.ts";
import { located } from "./located.ts";
import type { Tensor } from "./tensor.ts";

/** One axis or several; negative ones count from the end. */
export type Dims = number | readonly number[];

/** The axis that `dim` names. */
export const axisOf = (input: Tensor, dim: number): number => located(() => normalizeAxis(dim, input.ndim));

/** The axes that `dim` names, sorted; all axes when it names none. A single number has none, whatever is named. */
export function axesOf(input: Tensor, dim: Dims | undefined): number[] {
  const axes = located(() => normalizeAxes(dim, input.ndim));
  return input.ndim === 0 ? [] : axes;
}
