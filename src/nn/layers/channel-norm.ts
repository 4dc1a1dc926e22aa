/** What batch and instance normalisation share: a number of channels, their parameters, running statistics and text. */

import { ones, tensor, zeros } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { LATER_BUFFERS } from "../brand.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonFloat } from "../options.ts";
import { Parameter } from "../parameter.ts";

export interface ChannelNormSettings {
  /** Added to the variance (default: 1e-5). */
  readonly eps?: number;
  /** The weight of a batch in the running statistics (default: 0.1). With null they are plain averages. */
  readonly momentum?: number | null;
  /** Whether a scale and a shift per channel are learned. */
  readonly affine?: boolean;
  /** Whether running statistics are kept for evaluation. */
  readonly trackRunningStats?: boolean;
  /** Whether the shift is learned, if the scale is (default: true). */
  readonly bias?: boolean;
}

const POSITIONAL = ["numFeatures", "eps", "momentum", "affine", "trackRunningStats"];

export abstract class ChannelNorm extends Module {
  /** PyTorch counts batches since 0.4.1, and takes older weights. */
  override readonly [LATER_BUFFERS] = ["num_batches_tracked"];
  /** The number of channels of the input [N,C,…]. */
  readonly numFeatures: number;
  /** What is added to the variance, against divisions by 0. */
  readonly eps: number;
  /** The weight of a batch in the running statistics; `null` for a plain average. */
  readonly momentum: number | null;
  /** Whether scale and shift are learned. */
  readonly affine: boolean;
  /** Whether running statistics are kept, and used for evaluation. */
  readonly trackRunningStats: boolean;
  /** [numFeatures], ones at first. */
  weight: Parameter | undefined;
  /** [numFeatures], zeros at first. */
  bias: Parameter | undefined;
  /** The buffers under their keys in the state dict. */
  declare readonly running_mean: Tensor | undefined;
  /** The running variance of each channel. */
  declare readonly running_var: Tensor | undefined;
  /** The number of batches in the running statistics (int32). */
  declare readonly num_batches_tracked: Tensor | undefined;

  /** `isFull` says whether parameters and running statistics are there by default. */
  constructor(callee: string, given: readonly unknown[], isFull: boolean) {
    super();
    const options = new Arguments(callee, given, POSITIONAL, ["bias"]);
    this.numFeatures = options.integer("numFeatures", 1);
    this.eps = options.number("eps", 0, 1e-5);
    this.momentum = options.isNull("momentum") ? null : options.number("momentum", 0, 0.1);
    this.affine = options.flag("affine", isFull);
    this.trackRunningStats = options.flag("trackRunningStats", isFull);
    const shape = [this.numFeatures];
    this.weight = this.affine ? new Parameter(ones(shape)) : undefined;
    this.bias = this.affine && options.flag("bias", true) ? new Parameter(zeros(shape)) : undefined;
    if (this.trackRunningStats) {
      this.registerBuffer("running_mean", zeros(shape));
      this.registerBuffer("running_var", ones(shape));
      this.registerBuffer("num_batches_tracked", tensor(0, { dtype: "int32" }));
    }
  }

  /** [numFeatures], the mean of each channel over the inputs so far. */
  get runningMean(): Tensor | undefined {
    return this.running_mean;
  }

  /** [numFeatures], the unbiased variance of each channel. */
  get runningVar(): Tensor | undefined {
    return this.running_var;
  }

  /** The number of batches in the running statistics (int32). */
  get numBatchesTracked(): Tensor | undefined {
    return this.num_batches_tracked;
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
