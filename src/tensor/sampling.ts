/**
 * Numbers drawn by the probabilities that a tensor holds (torch.bernoulli, torch.multinomial); the draws have no
 * gradient.
 */

import { invariant } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { refuse, requireFloats } from "./arguments.ts";
import { flatIndex } from "./lookup.ts";
import { constant } from "./operation.ts";
import { where } from "./rearrange.ts";
import { topk } from "./sorting.ts";
import { argmax } from "./statistics.ts";
import type { Tensor } from "./tensor.ts";

let uniform: ((shape: Shape) => Tensor) | undefined;

/** Gives this file `rand`: random.ts imports the methods of tensors, which include those here. */
export function injectUniform(rand: (shape: Shape) => Tensor): void {
  uniform = rand;
}

function drawn(shape: Shape): Tensor {
  invariant(uniform !== undefined, "random.ts injects rand");
  return uniform(shape);
}

/** 1 with the probability that each element gives, or `p` for all, else 0; NaN if that is not a probability. */
export function bernoulli(input: Tensor, p?: number): Tensor {
  requireFloats("bernoulli", input);
  if (p !== undefined && !(p >= 0 && p <= 1))
    return refuse(`bernoulli's p must lie between 0 and 1, and ${p} does not`);
  const probability = p === undefined ? input.detach() : constant(p);
  const isOne = drawn(input.shape).lt(probability).float();
  const isProbability = probability.ge(0).logicalAnd(probability.le(1));
  return where(isProbability, isOne, Number.NaN);
}

/** Whose name the error of weights that cannot be drawn from bears. */
const UNDRAWABLE = "multinomial of weights that are negative, not finite or too few above 0";

/**
 * Positions drawn by a list of weights, or by each row of a matrix of weights, which need not add up to 1: `numSamples`
 * each, int32. Without `replacement` no position is drawn twice.
 */
export function multinomial(input: Tensor, numSamples: number, replacement = false): Tensor {
  requireFloats("multinomial", input);
  if (input.ndim < 1 || input.ndim > 2)
    return refuse(`multinomial needs a list of weights or a matrix of rows of them, not ${describe(input)}`);
  const count = input.shape[input.ndim - 1];
  if (!Number.isSafeInteger(numSamples) || numSamples < 1)
    return refuse(`multinomial needs a number of samples from 1 on, not ${numSamples}`);
  if (count === 0 || (!replacement && numSamples > count))
    return refuse(
      `multinomial cannot draw ${numSamples} of ${count} weights${count > 0 ? ": with replacement it can" : ""}`,
    );
  const weights = input.detach().reshape(-1, count);
  const isWeight = weights.ge(0).logicalAnd(weights.isfinite());
  const isPositive = weights.gt(0);
  const least = replacement ? 1 : numSamples;
  const isDrawable = isWeight.all(-1, true).logicalAnd(isPositive.sum(-1, true).ge(least));
  const positions = replacement
    ? withReplacement(weights, isPositive, numSamples)
    : withoutReplacement(weights, isPositive, numSamples);
  const checked = flatIndex(UNDRAWABLE, [where(isDrawable, positions, -1)], [count], false);
  return checked.reshape([...input.shape.slice(0, -1), numSamples]);
}

/** The positions where the cumulative weights pass random shares of the total, at a weight that is not 0. */
function withReplacement(weights: Tensor, isPositive: Tensor, numSamples: number): Tensor {
  const sums = weights.cumsum(-1);
  const whole = where(isPositive, sums, 0).amax(-1, true);
  const parts = drawn([weights.shape[0], numSamples]).mul(whole);
  const isBeyond = sums.unsqueeze(1).gt(parts.unsqueeze(-1));
  return argmax(isBeyond.logicalAnd(isPositive.unsqueeze(1)).float(), -1);
}

/** The least draw of an exponential distribution that still has a logarithm. */
const LEAST = 2 ** -25;

/** The largest of the weights after division by exponential draws, in logarithms. */
function withoutReplacement(weights: Tensor, isPositive: Tensor, numSamples: number): Tensor {
  const exponential = drawn(weights.shape).rsub(1).log().neg().maximum(LEAST);
  const keys = where(isPositive, weights, 1).log().sub(exponential.log());
  const chosen = where(isPositive, keys, Number.NEGATIVE_INFINITY);
  return numSamples === 1 ? argmax(chosen, -1, true) : topk(chosen, numSamples, -1).indices;
}
