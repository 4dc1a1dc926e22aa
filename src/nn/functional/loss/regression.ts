/** Losses of the difference between an input and a target of one shape, with PyTorch's defaults. */

import { apply, type Tensor } from "../../../tensor/tensor.ts";
import { Arguments } from "../../options.ts";
import { type LossOptions, readReduction, reductionOf, refuse } from "../../reduction.ts";

/** The named arguments of {@link smoothL1Loss}. */
export interface SmoothL1LossOptions extends LossOptions {
  /** The size of the difference from which on the loss is a line; 1 unless told. At 0 it is {@link l1Loss}. */
  readonly beta?: number;
}

/** The named arguments of {@link huberLoss}. */
export interface HuberLossOptions extends LossOptions {
  /** The positive size of the difference beyond which the loss is a line; 1 unless told. */
  readonly delta?: number;
}

/** The squared difference. */
export const mseLoss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("mse_loss", [input, target], { reduction: readReduction("mseLoss", options) });

/** The absolute difference. */
export const l1Loss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("l1_loss", [input, target], { reduction: readReduction("l1Loss", options) });

/** `d²/(2·beta)` of the difference d below `beta`, `|d| - beta/2` beyond. */
export function smoothL1Loss(input: Tensor, target: Tensor, options?: SmoothL1LossOptions): Tensor {
  const given = new Arguments("smoothL1Loss", [options], [], ["reduction", "beta"]);
  const reduction = reductionOf(given);
  const beta = given.number("beta", 0, 1);
  return beta === 0
    ? apply("l1_loss", [input, target], { reduction })
    : apply("smooth_l1_loss", [input, target], { reduction, beta });
}

/** `d²/2` of the difference d up to `delta`, `delta·(|d| - delta/2)` beyond. */
export function huberLoss(input: Tensor, target: Tensor, options?: HuberLossOptions): Tensor {
  const given = new Arguments("huberLoss", [options], [], ["reduction", "delta"]);
  const reduction = reductionOf(given);
  return apply("huber_loss", [input, target], {
    reduction,
    delta: positiveDelta("huberLoss", given.number("delta", 0, 1)),
  });
}

/** Huber's `delta`, which must not be 0. */
export const positiveDelta = (callee: string, delta: number): number =>
  delta > 0 ? delta : refuse(`${callee}'s delta must be positive, not ${delta}`);
