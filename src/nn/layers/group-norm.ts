/** Group normalisation: the channels of each sample in groups, each with mean 0 and variance 1. */

import { KilnError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { groupNorm } from "../functional/normalization.ts";
import { constant } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonFloat } from "../options.ts";
import type { Parameter } from "../parameter.ts";

/** The options of {@link GroupNorm}. */
export interface GroupNormOptions {
  /** What is added to the variance (default: 1e-5). */
  readonly eps?: number;
  /** Whether a weight and a bias are learned for each channel (default: true). */
  readonly affine?: boolean;
  /** Whether that includes a bias (default: true). */
  readonly bias?: boolean;
}

/** What {@link GroupNorm} takes, by name. */
export interface GroupNormArguments extends GroupNormOptions {
  /** The number of groups of channels. */
  readonly numGroups: number;
  /** The number of channels. */
  readonly numChannels: number;
}

/** Mean 0 and variance 1 for each group of channels of a sample, then an affine map (torch.nn.GroupNorm). */
export class GroupNorm extends Module {
  /** The number of groups of channels. */
  readonly numGroups: number;
  /** The number of channels. */
  readonly numChannels: number;
  /** What is added to the variance. */
  readonly eps: number;
  /** Whether scale and shift are learned. */
  readonly affine: boolean;
  /** [numChannels] */
  weight: Parameter | undefined;
  /** The learned bias, or `undefined` without one. */
  bias: Parameter | undefined;

  constructor(
    numGroups: number,
    numChannels: number,
    eps?: number | GroupNormOptions,
    affine?: boolean | GroupNormOptions,
    options?: GroupNormOptions,
  );
  constructor(options: GroupNormArguments);
  constructor(...given: unknown[]) {
    super();
    const names = ["numGroups", "numChannels", "eps", "affine"];
    const options = new Arguments("GroupNorm", given, names, ["bias"]);
    this.numGroups = options.integer("numGroups", 1);
    this.numChannels = options.integer("numChannels", 1);
    if (this.numChannels % this.numGroups !== 0) {
      throw new KilnError(
        `GroupNorm cannot put ${this.numChannels} channels into ${this.numGroups} groups of one size`,
      );
    }
    this.eps = options.number("eps", 0, 1e-5);
    this.affine = options.flag("affine", true);
    const hasBias = options.flag("bias", true) && this.affine;
    this.weight = this.affine ? initialParameter([this.numChannels], constant(1)) : undefined;
    this.bias = hasBias ? initialParameter([this.numChannels], constant(0)) : undefined;
  }

  forward(x: Tensor): Tensor {
    return groupNorm(x, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return (
      `${this.numGroups}, ${this.numChannels}, eps=${pythonFloat(this.eps)}, ` +
      `affine=${pythonFlag(this.affine)}, bias=${pythonFlag(this.bias !== undefined)}`
    );
  }
}
