/** Batch normalisation layers: the batch's statistics while training, running ones in evaluation. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { constant } from "../../tensor/operation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { batchNorm } from "../functional/batch-norm.ts";
import { ChannelNorm, type ChannelNormSettings } from "./channel-norm.ts";

/** Like those of any channel normalisation (by default with parameters and running statistics). */
export type BatchNormSettings = ChannelNormSettings;

/** What {@link BatchNorm} takes, by name. */
export interface BatchNormArguments extends BatchNormSettings {
  /** The number of channels of the input [N,C,…]. */
  readonly numFeatures: number;
}

/** Batch normalisation over any number of axes. */
export abstract class AnyBatchNorm extends ChannelNorm {
  constructor(
    numFeatures: number,
    eps?: number | BatchNormSettings,
    momentum?: number | null | BatchNormSettings,
    affine?: boolean | BatchNormSettings,
    trackRunningStats?: boolean | BatchNormSettings,
    settings?: Pick<BatchNormSettings, "bias">,
  );
  constructor(options: BatchNormArguments);
  constructor(...given: unknown[]) {
    super(new.target.name, given, true);
  }

  protected abstract checkInput(x: Tensor): void;

  forward(x: Tensor): Tensor {
    this.checkInput(x);
    if (x.shape[1] !== this.numFeatures) {
      throw new KilnError(
        `${this.constructor.name} expects ${this.numFeatures} channels but got shape ${formatShape(x.shape)}`,
      );
    }
    const { runningMean, runningVar, weight, bias, eps } = this;
    const training = this.training || !this.trackRunningStats;
    const momentum = this.training ? this.countBatch() : 0;
    return batchNorm(x, runningMean, runningVar, { weight, bias, training, momentum, eps });
  }

  /** Counts one more batch and returns the fraction by which the running statistics move towards it. */
  private countBatch(): number | Tensor {
    const count = this.num_batches_tracked;
    if (count === undefined) return 0;
    noGrad(() => count.copy_(count.add(constant(1, "int32"))));
    return this.momentum ?? constant(1).div(count.float());
  }
}

/** Normalises each channel of [N,C] or of sequences [N,C,L] (torch.nn.BatchNorm1d). */
export class BatchNorm1d extends AnyBatchNorm {
  protected checkInput(x: Tensor): void {
    if (x.ndim === 2 || x.ndim === 3) return;
    throw new KilnError(`BatchNorm1d expected 2D or 3D input (got ${x.ndim}D input)`);
  }
}

/**
 * Normalises each channel of images [N,C,H,W] (torch.nn.BatchNorm2d).
 *
 * ```ts
 * const block = new nn.Sequential(new nn.Conv2d(1, 8, 3), new nn.BatchNorm2d(8), new nn.ReLU());
 * ```
 */
export class BatchNorm2d extends AnyBatchNorm {
  protected checkInput(x: Tensor): void {
    if (x.ndim === 4) return;
    throw new KilnError(`BatchNorm2d expected 4D input (got ${x.ndim}D input)`);
  }
}

/** Normalises each channel of volumes [N,C,D,H,W] (torch.nn.BatchNorm3d). */
export class BatchNorm3d extends AnyBatchNorm {
  protected checkInput(x: Tensor): void {
    if (x.ndim === 5) return;
    throw new KilnError(`BatchNorm3d expected 5D input (got ${x.ndim}D input)`);
  }
}
