/** Batch normalisation layers: the batch's statistics while training, running ones in evaluation. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { ones, tensor, zeros } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { constant } from "../../tensor/operation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { LATER_BUFFERS } from "../brand.ts";
import { batchNorm } from "../functional/batch-norm.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonFloat } from "../options.ts";
import { Parameter } from "../parameter.ts";

export interface BatchNormSettings {
  /** Added to the variance; 1e-5 unless told. */
  readonly eps?: number;
  /** How far running statistics move towards the batch's; 0.1 unless told. With null they are plain averages. */
  readonly momentum?: number | null;
  /** Whether a scale and a shift per channel are learned; true unless told. */
  readonly affine?: boolean;
  /** Whether running statistics are kept for evaluation; true unless told. */
  readonly trackRunningStats?: boolean;
  /** Whether the shift is learned, where the scale is; true unless told. */
  readonly bias?: boolean;
}

export interface BatchNormArguments extends BatchNormSettings {
  readonly numFeatures: number;
}

const POSITIONAL = ["numFeatures", "eps", "momentum", "affine", "trackRunningStats"];

abstract class AnyBatchNorm extends Module {
  /** PyTorch counts batches since 0.4.1, and takes older weights. */
  override readonly [LATER_BUFFERS] = ["num_batches_tracked"];
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  /** [numFeatures], ones at first. */
  weight: Parameter | undefined;
  /** [numFeatures], zeros at first. */
  bias: Parameter | undefined;
  /** The buffers under their keys in the state dict. */
  declare readonly running_mean: Tensor | undefined;
  declare readonly running_var: Tensor | undefined;
  declare readonly num_batches_tracked: Tensor | undefined;

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
    super();
    const options = new Arguments(new.target.name, given, POSITIONAL, ["bias"]);
    this.numFeatures = options.integer("numFeatures", 1);
    this.eps = options.number("eps", 0, 1e-5);
    this.momentum = options.isNull("momentum") ? null : options.number("momentum", 0, 0.1);
    this.affine = options.flag("affine", true);
    this.trackRunningStats = options.flag("trackRunningStats", true);
    const shape = [this.numFeatures];
    this.weight = this.affine ? new Parameter(ones(shape)) : undefined;
    this.bias = this.affine && options.flag("bias", true) ? new Parameter(zeros(shape)) : undefined;
    if (this.trackRunningStats) {
      this.registerBuffer("running_mean", zeros(shape));
      this.registerBuffer("running_var", ones(shape));
      this.registerBuffer("num_batches_tracked", tensor(0, { dtype: "int32" }));
    }
  }

  /** [numFeatures], the mean of each channel over the batches so far. */
  get runningMean(): Tensor | undefined {
    return this.running_mean;
  }

  /** [numFeatures], the unbiased variance of each channel. */
  get runningVar(): Tensor | undefined {
    return this.running_var;
  }

  /** How many batches the running statistics have seen (int32). */
  get numBatchesTracked(): Tensor | undefined {
    return this.num_batches_tracked;
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

  /** Counts one batch more; gives the part by which the running statistics move towards it. */
  private countBatch(): number | Tensor {
    const count = this.num_batches_tracked;
    if (count === undefined) return 0;
    noGrad(() => count.copy_(count.add(constant(1, "int32"))));
    return this.momentum ?? constant(1).div(count.float());
  }

  override extraRepr(): string {
    const momentum = this.momentum === null ? "None" : pythonFloat(this.momentum);
    return (
      `${this.numFeatures}, eps=${pythonFloat(this.eps)}, momentum=${momentum}, ` +
      `affine=${pythonFlag(this.affine)}, bias=${pythonFlag(this.bias !== undefined)}, ` +
      `track_running_stats=${pythonFlag(this.trackRunningStats)}`
    );
  }
}

/** Normalises each channel of [N,C] or of sequences [N,C,L] (torch.nn.BatchNorm1d). */
export class BatchNorm1d extends AnyBatchNorm {
  protected checkInput(x: Tensor): void {
    if (x.ndim === 2 || x.ndim === 3) return;
    throw new KilnError(`BatchNorm1d expected 2D or 3D input (got ${x.ndim}D input)`);
  }
}

/** Normalises each channel of images [N,C,H,W] (torch.nn.BatchNorm2d). */
export class BatchNorm2d extends AnyBatchNorm {
  protected checkInput(x: Tensor): void {
    if (x.ndim === 4) return;
    throw new KilnError(`BatchNorm2d expected 4D input (got ${x.ndim}D input)`);
  }
}
