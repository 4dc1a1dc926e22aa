/** Losses between probabilities, with PyTorch's defaults: of two outcomes, and between distributions. */

import { requireFloats } from "../../../tensor/arguments.ts";
import { apply, type Tensor } from "../../../tensor/tensor.ts";
import { Arguments } from "../../options.ts";
import {
  type Reduction,
  reduced,
  reductionOf,
  refuse,
  requireSameShape,
  requireTensors,
  tensorOption,
  type WeightedLossOptions,
} from "../../reduction.ts";

/** The named arguments of {@link binaryCrossEntropyWithLogits}. */
export interface BCEWithLogitsLossOptions extends WeightedLossOptions {
  /** What positive examples count, of a shape that is broadcast to the input's (default: 1). */
  readonly posWeight?: Tensor;
}

/** How {@link klDiv} becomes one number: "batchmean" divides the sum by the size of the batch. */
export type KLReduction = Reduction | "batchmean";

/** The named arguments of {@link klDiv}. */
export interface KLDivLossOptions {
  /** Default: "mean", which is over all elements; the divergence itself is "batchmean". */
  readonly reduction?: KLReduction;
  /** Whether the target holds logarithms too (default: false). */
  readonly logTarget?: boolean;
}

/** A loss of each element, multiplied by a weight that is broadcast to it, and reduced. */
function weightedLoss(
  op: string,
  inputs: readonly Tensor[],
  weight: Tensor | undefined,
  reduction: Reduction,
): Tensor {
  if (weight === undefined) return apply(op, inputs, { reduction });
  return reduced(apply(op, inputs, { reduction: "none" }).mul(weight), reduction);
}

/** `-(t·log p + (1 - t)·log(1 - p))` of probabilities p and targets t; no logarithm counts for less than -100. */
export function binaryCrossEntropy(input: Tensor, target: Tensor, options?: WeightedLossOptions): Tensor {
  const given = new Arguments("binaryCrossEntropy", [options], [], ["weight", "reduction"]);
  requireAlike("binaryCrossEntropy", input, target);
  requireProbabilities(input);
  const weight = tensorOption("binaryCrossEntropy", options, "weight");
  return weightedLoss("binary_cross_entropy", [input, target], weight, reductionOf(given));
}

function requireAlike(callee: string, input: Tensor, target: Tensor): void {
  requireTensors(callee, { input, target });
  for (const operand of [input, target]) requireFloats(callee, operand);
  requireSameShape(callee, { input, target });
}

/** Refuses known numbers that are no probabilities; of those that are computed the loss is NaN. */
function requireProbabilities(input: Tensor): void {
  const wrong = input.peek()?.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined)
    refuse(
      `binaryCrossEntropy expects probabilities from 0 to 1 but its input holds ${wrong}; ` +
        "binaryCrossEntropyWithLogits takes scores of any size",
    );
}

/** {@link binaryCrossEntropy} of the sigmoid of the input, in a form that never overflows. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  options?: BCEWithLogitsLossOptions,
): Tensor {
  const callee = "binaryCrossEntropyWithLogits";
  const given = new Arguments(callee, [options], [], ["weight", "reduction", "posWeight"]);
  requireAlike(callee, input, target);
  const posWeight = tensorOption(callee, options, "posWeight");
  const inputs = posWeight === undefined ? [input, target] : [input, target, posWeight];
  const weight = tensorOption(callee, options, "weight");
  return weightedLoss("binary_cross_entropy_with_logits", inputs, weight, reductionOf(given));
}

export const KL_REDUCTIONS: readonly KLReduction[] = ["mean", "sum", "none", "batchmean"];

/** `t·(log t - x)` of log-probabilities x and probabilities t, 0 where t is 0 (Kullback and Leibler). */
export function klDiv(input: Tensor, target: Tensor, options?: KLDivLossOptions): Tensor {
  const given = new Arguments("klDiv", [options], [], ["reduction", "logTarget"]);
  const reduction = given.choice("reduction", KL_REDUCTIONS, "mean");
  requireSameShape("klDiv", { input, target });
  const losses = given.flag("logTarget", false)
    ? target.exp().mul(target.sub(input))
    : timesLogOfItself(target).sub(target.mul(input));
  if (reduction !== "batchmean") return reduced(losses, reduction);
  return input.ndim === 0 ? losses : losses.sum().div(input.shape[0]);
}

/** `t·log t`, which is 0 at 0. */
function timesLogOfItself(t: Tensor): Tensor {
  const isZero = t.eq(0);
  return t.mul(t.maskedFill(isZero, 1).log());
}
