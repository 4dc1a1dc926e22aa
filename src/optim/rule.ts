/**
 * What several update rules have in common, as graph nodes: weight decay, moving averages, the last step.
 *
 * States below the smallest normal number stay what IEEE 754 makes of them, as in PyTorch. Were they set to zero, the root of
 * a mean square of 1e-41 would be 0 and not 3e-21: with a small `eps` the step that is divided by it would explode.
 */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";

/** `g + λ·p`: the gradient of the loss with an L2 penalty on the parameter; the gradient itself for λ = 0. */
export function withPenalty(b: GraphBuilder, gradient: Value, parameter: Value, weightDecay: number): Value {
  if (weightDecay === 0) return gradient;
  return b.node("add", [gradient, b.node("mul", [parameter, b.constant(weightDecay)])]);
}

/**
 * `β·m + (1 - β)·x`, the moving average of `x`, written as a step from the nearer end (torch.lerp): from `m` for the usual
 * β, from `x` for β up to a half, where `m` may be too large for the sum to keep anything of `x`.
 */
export function movingAverage(b: GraphBuilder, average: Value, x: Value, beta: number): Value {
  const way = b.node("sub", [x, average]);
  if (1 - beta < 0.5) return b.node("add", [average, b.node("mul", [way, b.constant(1 - beta)])]);
  return b.node("sub", [x, b.node("mul", [way, b.constant(beta)])]);
}

/**
 * `β·v + (1 - β)·x²`: the moving average of the square of `x`. As in PyTorch `1 - β` is multiplied in before the second
 * `x`, so that a square beyond float32 can still enter.
 */
export function movingSquare(b: GraphBuilder, average: Value, x: Value, beta: number): Value {
  const part = b.node("mul", [b.node("mul", [x, b.constant(1 - beta)]), x]);
  return b.node("add", [b.node("mul", [average, b.constant(beta)]), part]);
}

/** `√v + ε`: what a step is divided by. */
export function rootPlus(b: GraphBuilder, square: Value, eps: Value): Value {
  return b.node("add", [b.node("sqrt", [square]), eps]);
}

/** `p - direction·rate`: the last step of every rule. */
export function descend(b: GraphBuilder, parameter: Value, direction: Value, rate: Value): Value {
  return b.node("sub", [parameter, b.node("mul", [direction, rate])]);
}
