/** The bilinear layer: a learned form of two vectors for each output. */

import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { bilinear } from "../functional/linear.ts";
import { uniform } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag } from "../options.ts";
import type { Parameter } from "../parameter.ts";

/** The options of {@link Bilinear}. */
export interface BilinearOptions {
  /** Whether a learned bias is added (default: true). */
  readonly bias?: boolean;
}

/** What {@link Bilinear} takes, by name. */
export interface BilinearArguments extends BilinearOptions {
  /** How many features the first input has. */
  readonly in1Features: number;
  /** How many features the second input has. */
  readonly in2Features: number;
  /** The number of output features. */
  readonly outFeatures: number;
}

/** `x1ᵀ·A·x2 + bias` with a matrix A for each output (torch.nn.Bilinear). */
export class Bilinear extends Module {
  /** How many features the first input has. */
  readonly in1Features: number;
  /** How many features the second input has. */
  readonly in2Features: number;
  /** The number of output features. */
  readonly outFeatures: number;
  /** [outFeatures, in1Features, in2Features] */
  weight: Parameter;
  /** The learned bias, or `undefined` without one. */
  bias: Parameter | undefined;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    bias?: boolean | BilinearOptions,
  );
  constructor(options: BilinearArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("Bilinear", given, ["in1Features", "in2Features", "outFeatures", "bias"]);
    this.in1Features = options.integer("in1Features", 1);
    this.in2Features = options.integer("in2Features", 1);
    this.outFeatures = options.integer("outFeatures", 1);
    const hasBias = options.flag("bias", true);
    const bound = 1 / Math.sqrt(this.in1Features);
    const shape = [this.outFeatures, this.in1Features, this.in2Features];
    this.weight = initialParameter(shape, uniform(-bound, bound));
    this.bias = hasBias ? initialParameter([this.outFeatures], uniform(-bound, bound)) : undefined;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias);
  }

  override extraRepr(): string {
    return (
      `in1_features=${this.in1Features}, in2_features=${this.in2Features}, ` +
      `out_features=${this.outFeatures}, bias=${pythonFlag(this.bias !== undefined)}`
    );
  }
}
