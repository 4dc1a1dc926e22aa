/** The affine map of a linear layer as a function. */

import { apply, type Tensor } from "../../tensor/tensor.ts";

/** `input·weightᵀ + bias` over the last axis; the weight is [out, in]. */
export const linear = (input: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
  apply("linear", bias === undefined ? [input, weight] : [input, weight, bias]);
