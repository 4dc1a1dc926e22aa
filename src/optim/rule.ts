/**
 * What several update rules have in common, as graph nodes: weight decay, moving averages, the last step.
 *
 * Once gradients have become 0, moving averages decay into the numbers below the smallest normal one, with which many
 * processors compute a hundred times slower, and stay there for good, since a tenth of the smallest is rounded away. So they
 * are set to 0, but only where `eps` is so large that no step changes. The root of a mean square of 1e-41 would be 0
 * and not 3e-21: with an `eps` of 1e-30 the step that is divided by it would explode.
 */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";

/** `g + λ·p`: the gradient of the loss with an L2 penalty on the parameter; the gradient itself for λ = 0. */
export function withPenalty(b: GraphBuilder, gradient: Value, parameter: Value, weightDecay: number): Value {
  if (weightDecay === 0) return gradient;
  return b.node("add", [gradient, b.node("mul", [parameter, b.constant(weightDecay)])]);
}

/** The smallest normal float32. */
const LEAST_NORMAL = 2 ** -126;

/** `x`, but 0 if it is smaller than `least`. */
export const flushed = (b: GraphBuilder, x: Value, least = LEAST_NORMAL): Value =>
  b.node("flush", [x], { least });

/**
 * The gradients whose squares leave less than a normal number in a moving average that keeps `beta`: they may count as 0, and
 * so may the average below a normal number, whose root, corrected for its start from 0, is no larger.
 */
const tinyFor = (beta: number): number => Math.sqrt(LEAST_NORMAL / (1 - beta));

/** Whether nothing of them is left in a sum with `eps`: half a unit in its last place is 2⁻²⁵ of it. */
export const flushesBeside = (eps: number, beta: number): boolean => tinyFor(beta) <= eps * 2 ** -25;

/**
 * `β·m + (1 - β)·x`, the moving average of `x`, written as a step from the nearer end (torch.lerp): from `m` for the usual
 * β, from `x` for β up to a half, where `m` may be too large for the sum to keep anything of `x`.
 */
export function movingAverage(
  b: GraphBuilder,
  average: Value,
  x: Value,
  beta: number,
  flushes: boolean,
): Value {
  const way = b.node("sub", [x, average]);
  const next =
    1 - beta < 0.5
      ? b.node("add", [average, b.node("mul", [way, b.constant(1 - beta)])])
      : b.node("sub", [x, b.node("mul", [way, b.constant(beta)])]);
  return flushes ? flushed(b, next) : next;
}

/**
 * `β·v + (1 - β)·x²`: the moving average of the square of `x`. As in PyTorch `1 - β` is multiplied in before the second
 * `x`, so that a square beyond float32 can still enter.
 */
export function movingSquare(
  b: GraphBuilder,
  average: Value,
  x: Value,
  beta: number,
  flushes: boolean,
): Value {
  const entering = flushes ? flushed(b, x, tinyFor(beta)) : x;
  const part = b.node("mul", [b.node("mul", [entering, b.constant(1 - beta)]), entering]);
  const next = b.node("add", [b.node("mul", [average, b.constant(beta)]), part]);
  return flushes ? flushed(b, next) : next;
}

/** `√v + ε`: what a step is divided by. */
export function rootPlus(b: GraphBuilder, square: Value, eps: Value): Value {
  return b.node("add", [b.node("sqrt", [square]), eps]);
}

/** `p - direction·rate`: the last step of every rule. */
export function descend(b: GraphBuilder, parameter: Value, direction: Value, rate: Value): Value {
  return b.node("sub", [parameter, b.node("mul", [direction, rate])]);
}
