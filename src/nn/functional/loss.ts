/** Losses as functions, with PyTorch's defaults. */

import { KilnError } from "../../core/errors.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { classAxis, type LossOptions, readReduction } from "../reduction.ts";
import { logSoftmax } from "./activation.ts";

/** The negative log-probability of each target class; classes stand on axis 1, targets are int32. */
export const nllLoss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("nll_loss", [input, target], readReduction("nllLoss", options));

/** `logSoftmax` over the classes (axis 1, or axis 0 of a single sample), then `nllLoss`. */
export function crossEntropy(input: Tensor, target: Tensor, options?: LossOptions): Tensor {
  if (input.ndim === 0)
    throw new KilnError("crossEntropy expects scores [N,C,…] or [C] but got a single number");
  const reduction = readReduction("crossEntropy", options);
  return apply("nll_loss", [logSoftmax(input, classAxis(input.ndim)), target], reduction);
}

/** The squared difference. */
export const mseLoss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("mse_loss", [input, target], readReduction("mseLoss", options));

/** The absolute difference. */
export const l1Loss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("l1_loss", [input, target], readReduction("l1Loss", options));
