/** Instance normalisation as a function: each channel of each sample by itself, with PyTorch's defaults. */

import { sizeOf } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { variance } from "../../tensor/statistics.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { refuse } from "../reduction.ts";
import { batchNorm } from "./batch-norm.ts";
import { groupNorm } from "./normalization.ts";

/** What follows the running statistics in {@link instanceNorm}, by name. */
export interface InstanceNormOptions {
  /** [C], by which the normalised channels are multiplied. */
  readonly weight?: Tensor | undefined;
  /** [C], which is added after that. */
  readonly bias?: Tensor | undefined;
  /** Whether each input's own statistics are used and the running ones are moved towards them (default: true). */
  readonly useInputStats?: boolean | undefined;
  /** How far the running statistics move (default: 0.1). */
  readonly momentum?: number | undefined;
  /** Added to the variance (default: 1e-5). */
  readonly eps?: number | undefined;
}

/**
 * Each channel of each sample [N,C,…] with mean 0 and variance 1, times `weight`, plus `bias`
 * (torch.nn.functional.instance_norm). Arguments after the running statistics may be given by position or in one
 * object.
 */
export function instanceNorm(
  input: Tensor,
  runningMean?: Tensor,
  runningVar?: Tensor,
  weight?: Tensor | InstanceNormOptions,
  bias?: Tensor,
  useInputStats?: boolean,
  momentum?: number,
  eps?: number,
): Tensor {
  const isNamed = weight !== undefined && !(weight instanceof Tensor);
  const options: InstanceNormOptions = isNamed ? weight : { weight, bias, useInputStats, momentum, eps };
  const { useInputStats: own = true, momentum: part = 0.1, eps: added = 1e-5 } = options;
  if (input.ndim < 3) refuse(`instanceNorm expects [N,C,…] with positions but got ${describe(input)}`);
  if (!own)
    return batchNorm(input, runningMean, runningVar, {
      weight: options.weight,
      bias: options.bias,
      eps: added,
    });
  if (sizeOf(input.shape.slice(2)) < 2)
    refuse(`instanceNorm needs more than one position for each channel but got ${describe(input)}`);
  track(input, runningMean, runningVar, part);
  return groupNorm(input, input.shape[1], options.weight, options.bias, added);
}

/** Moves running statistics towards the mean over the samples of what each channel has. */
function track(input: Tensor, mean: Tensor | undefined, spread: Tensor | undefined, part: number): void {
  if (mean === undefined && spread === undefined) return;
  const positions = input.shape.map((_, axis) => axis).slice(2);
  noGrad(() => {
    mean?.copy_(mean.mul(1 - part).add(input.mean([0, ...positions]).mul(part)));
    spread?.copy_(spread.mul(1 - part).add(variance(input, positions).mean(0).mul(part)));
  });
}
