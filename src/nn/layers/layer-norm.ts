/** Layer normalisation: each sample's last axes with mean 0 and variance 1. */

import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { layerNorm } from "../functional/normalization.ts";
import { constant } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonFloat, pythonSize } from "../options.ts";
import type { Parameter } from "../parameter.ts";

/** The options of {@link LayerNorm}. */
export interface LayerNormOptions {
  /** What is added to the variance (default: 1e-5). */
  readonly eps?: number;
  /** Whether a weight and a bias are learned for each normalised element (default: true). */
  readonly elementwiseAffine?: boolean;
  /** Whether that includes a bias (default: true). */
  readonly bias?: boolean;
}

/** What {@link LayerNorm} takes, by name. */
export interface LayerNormArguments extends LayerNormOptions {
  /** The extents of the last axes, over which each sample is normalised. */
  readonly normalizedShape: number | readonly number[];
}

/** Mean 0 and variance 1 over the last axes of each sample, then an affine map (torch.nn.LayerNorm). */
export class LayerNorm extends Module {
  /** The extents of the last axes, over which each sample is normalised. */
  readonly normalizedShape: readonly number[];
  /** What is added to the variance. */
  readonly eps: number;
  /** Whether scale and shift are learned. */
  readonly elementwiseAffine: boolean;
  /** Of the normalised shape. */
  weight: Parameter | undefined;
  /** The learned bias, or `undefined` without one. */
  bias: Parameter | undefined;

  constructor(
    normalizedShape: number | readonly number[],
    eps?: number | LayerNormOptions,
    elementwiseAffine?: boolean | LayerNormOptions,
    bias?: boolean | LayerNormOptions,
  );
  constructor(options: LayerNormArguments);
  constructor(...given: unknown[]) {
    super();
    const names = ["normalizedShape", "eps", "elementwiseAffine", "bias"];
    const options = new Arguments("LayerNorm", given, names);
    this.normalizedShape = options.shape("normalizedShape");
    this.eps = options.number("eps", 0, 1e-5);
    this.elementwiseAffine = options.flag("elementwiseAffine", true);
    const hasBias = options.flag("bias", true) && this.elementwiseAffine;
    this.weight = this.elementwiseAffine ? initialParameter(this.normalizedShape, constant(1)) : undefined;
    this.bias = hasBias ? initialParameter(this.normalizedShape, constant(0)) : undefined;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return (
      `${pythonSize(this.normalizedShape)}, eps=${pythonFloat(this.eps)}, ` +
      `elementwise_affine=${pythonFlag(this.elementwiseAffine)}, bias=${pythonFlag(this.bias !== undefined)}`
    );
  }
}
