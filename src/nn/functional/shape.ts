/** Functions that arrange elements without computing with them. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, inferReshape } from "../../core/shape.ts";
import { ownAxisOf } from "../../tensor/axes.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";

export { pad } from "../../tensor/rearrange.ts";

/** Joins the axes `startDim`…`endDim` into one (torch.flatten). */
export const flatten = (input: Tensor, startDim = 0, endDim = -1): Tensor => input.flatten(startDim, endDim);

/** Splits the axis `dim` into axes of the given sizes, one of which may be -1 (torch.unflatten). */
export function unflatten(input: Tensor, dim: number, sizes: readonly number[]): Tensor {
  const { shape } = input;
  const parts = withOrigin(() => {
    const axis = ownAxisOf("unflatten", input, dim);
    try {
      return [...shape.slice(0, axis), ...inferReshape([shape[axis]], sizes), ...shape.slice(axis + 1)];
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      throw new KilnError(
        `unflatten cannot split axis ${axis} of ${formatShape(shape)} into ${formatShape(sizes)}`,
      );
    }
  });
  return input.reshape(parts);
}
