/** Normalisation without means: root-mean-square normalisation of a sample's last axes, and local response normalisation. */

import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { localResponseNorm, rmsNorm } from "../functional/normalization.ts";
import { constant } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonFloat, pythonSize } from "../options.ts";
import type { Parameter } from "../parameter.ts";

/** The options of {@link RMSNorm}. */
export interface RMSNormOptions {
  /** What is added to the mean square (default: the distance from 1 to the next float32). */
  readonly eps?: number | null;
  /** Whether a weight is learned for each normalised element (default: true). */
  readonly elementwiseAffine?: boolean;
}

/** What {@link RMSNorm} takes, by name. */
export interface RMSNormArguments extends RMSNormOptions {
  /** The extents of the last axes, over which each sample is normalised. */
  readonly normalizedShape: number | readonly number[];
}

/** Mean square 1 over the last axes of each sample, times a weight (torch.nn.RMSNorm). */
export class RMSNorm extends Module {
  /** The extents of the last axes, over which each sample is normalised. */
  readonly normalizedShape: readonly number[];
  /** What is added to the mean square. */
  readonly eps: number | undefined;
  /** Whether scale and shift are learned. */
  readonly elementwiseAffine: boolean;
  /** Of the normalised shape. */
  weight: Parameter | undefined;

  constructor(
    normalizedShape: number | readonly number[],
    eps?: number | null | RMSNormOptions,
    elementwiseAffine?: boolean | RMSNormOptions,
  );
  constructor(options: RMSNormArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("RMSNorm", given, ["normalizedShape", "eps", "elementwiseAffine"]);
    this.normalizedShape = options.shape("normalizedShape");
    this.eps = options.has("eps") ? options.number("eps", 0) : undefined;
    this.elementwiseAffine = options.flag("elementwiseAffine", true);
    this.weight = this.elementwiseAffine ? initialParameter(this.normalizedShape, constant(1)) : undefined;
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, this.weight, this.eps);
  }

  override extraRepr(): string {
    const eps = this.eps === undefined ? "None" : pythonFloat(this.eps);
    return `${pythonSize(this.normalizedShape)}, eps=${eps}, elementwise_affine=${pythonFlag(this.elementwiseAffine)}`;
  }
}

/** The options of {@link LocalResponseNorm}. */
export interface LocalResponseNormOptions {
  /** What the mean square is multiplied by (default: 1e-4). */
  readonly alpha?: number;
  /** The exponent (default: 0.75). */
  readonly beta?: number;
  /** What is added (default: 1). */
  readonly k?: number;
}

/** What {@link LocalResponseNorm} takes, by name. */
export interface LocalResponseNormArguments extends LocalResponseNormOptions {
  /** The number of neighbouring channels. */
  readonly size: number;
}

/** `x / (k + alpha·mean(x²))^beta` over `size` neighbouring channels (torch.nn.LocalResponseNorm). */
export class LocalResponseNorm extends Module {
  /** The number of neighbouring channels. */
  readonly size: number;
  /** What the mean of the squares is multiplied by. */
  readonly alpha: number;
  /** The power to which the divisor is raised. */
  readonly beta: number;
  /** What is added to the sum. */
  readonly k: number;

  constructor(
    size: number | LocalResponseNormArguments,
    alpha?: number | LocalResponseNormOptions,
    beta?: number | LocalResponseNormOptions,
    k?: number | LocalResponseNormOptions,
  ) {
    super();
    const options = new Arguments(
      "LocalResponseNorm",
      [size, alpha, beta, k],
      ["size", "alpha", "beta", "k"],
    );
    this.size = options.integer("size", 1);
    this.alpha = options.number("alpha", Number.NEGATIVE_INFINITY, 1e-4);
    this.beta = options.number("beta", Number.NEGATIVE_INFINITY, 0.75);
    this.k = options.number("k", Number.NEGATIVE_INFINITY, 1);
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.alpha, this.beta, this.k);
  }

  override extraRepr(): string {
    const { size, alpha, beta, k } = this;
    return `${size}, alpha=${pythonFloat(alpha)}, beta=${pythonFloat(beta)}, k=${pythonFloat(k)}`;
  }
}
