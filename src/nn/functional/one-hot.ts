/** Classes as vectors. */

import { KilnError } from "../../core/errors.ts";
import { requireTensor } from "../../tensor/arguments.ts";
import { flatIndex } from "../../tensor/lookup.ts";
import { apply } from "../../tensor/operation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";

/**
 * For each of the int32 classes a vector that is 1 at its index and 0 elsewhere: [...] → [...,numClasses], int32. By
 * default `numClasses` is one more than the largest class, which must then be known already.
 */
export function oneHot(tensor: Tensor, numClasses = -1): Tensor {
  requireTensor("oneHot", tensor);
  const classes = numClasses === -1 ? countOf(tensor) : numClasses;
  if (!Number.isSafeInteger(classes) || classes < 1)
    withOrigin(() => {
      throw new KilnError(`oneHot needs a positive number of classes, not ${numClasses}`);
    });
  const own = flatIndex("oneHot", [tensor], [classes], false).unsqueeze(-1);
  const places = apply("iota", [], { shape: [classes], axis: 0, start: 0, step: 1 });
  const isHot = apply("compare", [own, places], { relation: "eq" });
  return apply("cast", [isHot], { dtype: "int32" });
}

function countOf(tensor: Tensor): number {
  const known = tensor.isTraced ? undefined : tensor.peek();
  if (known === undefined || known.length === 0)
    return withOrigin(() => {
      throw new KilnError(
        "oneHot can count classes only where there are some and their numbers are known already: say how many there are, " +
          "oneHot(classes, numClasses)",
      );
    });
  return Array.from(known).reduce((most, own) => Math.max(most, own)) + 1;
}
