/** Instance normalisation layers: each channel of each sample has statistics of its own. */

import { describe } from "../../ops/definition.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { instanceNorm } from "../functional/instance-norm.ts";
import { refuse } from "../reduction.ts";
import { ChannelNorm, type ChannelNormSettings } from "./channel-norm.ts";

/** Like those of any channel normalisation (by default with neither parameters nor running statistics). */
export type InstanceNormSettings = ChannelNormSettings;

/** What {@link InstanceNorm} takes, by name. */
export interface InstanceNormArguments extends InstanceNormSettings {
  /** The number of channels of the input [N,C,…]. */
  readonly numFeatures: number;
}

abstract class AnyInstanceNorm extends ChannelNorm {
  constructor(
    numFeatures: number,
    eps?: number | InstanceNormSettings,
    momentum?: number | null | InstanceNormSettings,
    affine?: boolean | InstanceNormSettings,
    trackRunningStats?: boolean | InstanceNormSettings,
    settings?: Pick<InstanceNormSettings, "bias">,
  );
  constructor(options: InstanceNormArguments);
  constructor(...given: unknown[]) {
    super(new.target.name, given, false);
  }

  /** How many axes of positions there are. */
  protected abstract readonly rank: number;

  forward(x: Tensor): Tensor {
    const { rank, numFeatures } = this;
    const isBatch = x.ndim === rank + 2;
    if ((!isBatch && x.ndim !== rank + 1) || x.shape.at(-rank - 1) !== numFeatures)
      refuse(
        `${this.constructor.name} expects ${numFeatures} channels, [N,${numFeatures},…] with ${rank} axes of positions, ` +
          `but got ${describe(x)}`,
      );
    const y = this.normalized(isBatch ? x : x.unsqueeze(0));
    return isBatch ? y : y.squeeze(0);
  }

  private normalized(x: Tensor): Tensor {
    const { runningMean, runningVar, weight, bias, eps, momentum } = this;
    const useInputStats = this.training || !this.trackRunningStats;
    // PyTorch takes no momentum at all for one of 0.
    return instanceNorm(x, runningMean, runningVar, {
      weight,
      bias,
      useInputStats,
      momentum: momentum ?? 0,
      eps,
    });
  }
}

/** Normalises each channel of signals [N,C,L] or [C,L] (torch.nn.InstanceNorm1d). */
export class InstanceNorm1d extends AnyInstanceNorm {
  protected get rank(): number {
    return 1;
  }
}

/** Normalises each channel of images [N,C,H,W] or [C,H,W] (torch.nn.InstanceNorm2d). */
export class InstanceNorm2d extends AnyInstanceNorm {
  protected get rank(): number {
    return 2;
  }
}

/** Normalises each channel of volumes [N,C,D,H,W] or [C,D,H,W] (torch.nn.InstanceNorm3d). */
export class InstanceNorm3d extends AnyInstanceNorm {
  protected get rank(): number {
    return 3;
  }
}
