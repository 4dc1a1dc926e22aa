/**
 * Clipping the gradients of a loop written by hand, between `backward` and `optimizer.step()`. Compiled training takes the options `clipGradNorm` and `clipGradValue` instead.
 */

import { KilnError } from "../core/errors.ts";
import { zeros } from "../tensor/creation.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { stack } from "../tensor/rearrange.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Arguments } from "./options.ts";

/** The options of {@link clipGradNorm_}. */
export interface ClipGradNormOptions {
  /** Which norm (default: 2), `Infinity` for the largest element. */
  readonly normType?: number;
}

/** Keeps the divisor away from 0, as PyTorch's does. */
const EPSILON = 1e-6;

/**
 * Scales all gradients together so that their norm, as one vector, is `maxNorm` at most; returns the norm before
 * (torch.nn.utils.clip_grad_norm_).
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: ClipGradNormOptions,
): Tensor {
  const given = new Arguments("clipGradNorm_", [maxNorm, options], ["maxNorm", "normType"]);
  const limit = given.number("maxNorm", 0);
  const p = options?.normType ?? 2;
  if (!(p > 0)) throw new KilnError(`clipGradNorm_'s normType must be a number above 0, not ${p}`);
  return noGrad(() => {
    const gradients = gradientsOf(parameters);
    if (gradients.length === 0) return zeros([]);
    const norm = normOf(gradients, p);
    const scale = norm.add(EPSILON).pow(-1).mul(limit).clamp(undefined, 1);
    for (const gradient of gradients) gradient.mul_(scale);
    return norm;
  });
}

/** Clamps every element of all gradients to [-clipValue, clipValue] (torch.nn.utils.clip_grad_value_). */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  const limit = new Arguments("clipGradValue_", [clipValue], ["clipValue"]).number("clipValue", 0);
  noGrad(() => {
    for (const gradient of gradientsOf(parameters)) gradient.clamp_(-limit, limit);
  });
}

const gradientsOf = (parameters: Tensor | Iterable<Tensor>): Tensor[] =>
  (Symbol.iterator in parameters ? [...parameters] : [parameters]).flatMap(({ grad }) =>
    grad === null ? [] : [grad],
  );

/** The norm of all elements of `tensors` as one vector. */
function normOf(tensors: readonly Tensor[], p: number): Tensor {
  if (p === Number.POSITIVE_INFINITY) return stack(tensors.map((t) => t.abs().amax())).amax();
  if (p === 2)
    return stack(tensors.map((t) => t.mul(t).sum()))
      .sum()
      .sqrt();
  return stack(tensors.map((t) => t.abs().pow(p).sum()))
    .sum()
    .pow(1 / p);
}
