/** Losses of the difference between an input and a target, with PyTorch's defaults. */

import { broadcastShapes, formatShape, sameShape } from "../../../core/shape.ts";
import { warn } from "../../../core/warning.ts";
import type { Attrs } from "../../../ir/types.ts";
import { describe } from "../../../ops/definition.ts";
import { requireFloats } from "../../../tensor/arguments.ts";
import { apply, type Tensor } from "../../../tensor/tensor.ts";
import { Arguments } from "../../options.ts";
import { type LossOptions, readReduction, reductionOf, refuse, requireTensors } from "../../reduction.ts";

/** The named arguments of {@link smoothL1Loss}. */
export interface SmoothL1LossOptions extends LossOptions {
  /** The size of the difference from which on the loss is a line (default: 1). At 0 it is {@link l1Loss}. */
  readonly beta?: number;
}

/** The named arguments of {@link huberLoss}. */
export interface HuberLossOptions extends LossOptions {
  /** The positive size of the difference beyond which the loss is a line (default: 1). */
  readonly delta?: number;
}

/**
 * A loss of the difference. Shapes that differ are broadcast, with a warning: a target [N] of an input [N,1] makes
 * [N,N] differences.
 */
function differenceLoss(op: string, callee: string, input: Tensor, target: Tensor, attrs: Attrs): Tensor {
  requireTensors(callee, { input, target });
  for (const operand of [input, target]) requireFloats(callee, operand);
  if (sameShape(input.shape, target.shape)) return apply(op, [input, target], attrs);
  const shape = broadcastShapes(input.shape, target.shape);
  if (shape === undefined)
    return refuse(
      `${callee} expects input and target of one shape, or shapes that broadcast, but got ${describe(input)} and ${describe(target)}`,
    );
  warn(
    `${callee} broadcasts an input ${formatShape(input.shape)} and a target ${formatShape(target.shape)} to ` +
      `${formatShape(shape)}, which is nearly always a mistake: give both one shape`,
  );
  return apply(
    op,
    [input, target].map((t) => apply("broadcast_to", [t], { shape })),
    attrs,
  );
}

/** The squared difference. */
export const mseLoss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  differenceLoss("mse_loss", "mseLoss", input, target, { reduction: readReduction("mseLoss", options) });

/** The absolute difference. */
export const l1Loss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  differenceLoss("l1_loss", "l1Loss", input, target, { reduction: readReduction("l1Loss", options) });

/** `d²/(2·beta)` of the difference d below `beta`, `|d| - beta/2` beyond. */
export function smoothL1Loss(input: Tensor, target: Tensor, options?: SmoothL1LossOptions): Tensor {
  const given = new Arguments("smoothL1Loss", [options], [], ["reduction", "beta"]);
  const reduction = reductionOf(given);
  const beta = given.number("beta", 0, 1);
  return beta === 0
    ? differenceLoss("l1_loss", "smoothL1Loss", input, target, { reduction })
    : differenceLoss("smooth_l1_loss", "smoothL1Loss", input, target, { reduction, beta });
}

/** `d²/2` of the difference d up to `delta`, `delta·(|d| - delta/2)` beyond. */
export function huberLoss(input: Tensor, target: Tensor, options?: HuberLossOptions): Tensor {
  const given = new Arguments("huberLoss", [options], [], ["reduction", "delta"]);
  const reduction = reductionOf(given);
  return differenceLoss("huber_loss", "huberLoss", input, target, {
    reduction,
    delta: positiveDelta("huberLoss", given.number("delta", 0, 1)),
  });
}

/** Huber's `delta`, which must not be 0. */
export const positiveDelta = (callee: string, delta: number): number =>
  delta > 0 ? delta : refuse(`${callee}'s delta must be positive, not ${delta}`);
