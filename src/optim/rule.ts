/** What several update rules have in common, as graph nodes: weight decay, moving averages, the last step. */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";

/** `g + λ·p`: the gradient of the loss with an L2 penalty on the parameter; the gradient itself for λ = 0. */
export function withPenalty(b: GraphBuilder, gradient: Value, parameter: Value, weightDecay: number): Value {
  if (weightDecay === 0) return gradient;
  return b.node("add", [gradient, b.node("mul", [parameter, b.constant(weightDecay)])]);
}

/** `m + (x - m)·(1 - β)`: the moving average of `x` (torch.lerp). */
export function movingAverage(b: GraphBuilder, average: Value, x: Value, beta: number): Value {
  return b.node("add", [average, b.node("mul", [b.node("sub", [x, average]), b.constant(1 - beta)])]);
}

/** `β·v + (1 - β)·x²`: the moving average of the square of `x`. */
export function movingSquare(b: GraphBuilder, average: Value, x: Value, beta: number): Value {
  const square = b.node("mul", [x, x]);
  return b.node("add", [
    b.node("mul", [average, b.constant(beta)]),
    b.node("mul", [square, b.constant(1 - beta)]),
  ]);
}

/** `√v + ε`: what a step is divided by. */
export function rootPlus(b: GraphBuilder, square: Value, eps: Value): Value {
  return b.node("add", [b.node("sqrt", [square]), eps]);
}

/** `p - direction·rate`: the last step of every rule. */
export function descend(b: GraphBuilder, parameter: Value, direction: Value, rate: Value): Value {
  return b.node("sub", [parameter, b.node("mul", [direction, rate])]);
}
