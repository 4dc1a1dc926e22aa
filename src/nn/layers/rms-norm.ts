/** Normalisation without means: root-mean-square normalisation of a sample's last axes, and local response normalisation. */

import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { localResponseNorm, rmsNorm } from "../functional/normalization.ts";
import { constant } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonFloat, pythonSize } from "../options.ts";
import type { Parameter } from "../parameter.ts";

export interface RMSNormOptions {
  /** What is added to the mean square (default: the distance from 1 to the next float32). */
  readonly eps?: number | null;
  /** Whether a weight is learned for each normalised element (default: true). */
  readonly elementwiseAffine?: boolean;
}

export interface RMSNormArguments extends RMSNormOptions {
  readonly normalizedShape: number | readonly number[];
}

/** Mean square 1 over the last axes of each sample, times a weight (torch.nn.RMSNorm). */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | undefined;
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

export interface LocalResponseNormOptions {
  /** What the mean square is multiplied by (default: 1e-4). */
  readonly alpha?: number;
  /** The exponent (default: 0.75). */
  readonly beta?: number;
  /** What is added (default: 1). */
  readonly k?: number;
}

export interface LocalResponseNormArguments extends LocalResponseNormOptions {
  /** How many neighbouring channels count. */
  readonly size: number;
}

/** `x / (k + alpha·mean(x²))^beta` over `size` neighbouring channels (torch.nn.LocalResponseNorm). */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
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
