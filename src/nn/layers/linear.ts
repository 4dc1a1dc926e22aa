/** The fully connected layer. */

import type { Tensor } from "../../tensor/tensor.ts";
import { defaultBias, defaultWeight } from "../default-init.ts";
import { linear } from "../functional/linear.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag } from "../options.ts";
import type { Parameter } from "../parameter.ts";

/** The options of {@link Linear}. */
export interface LinearOptions {
  /** Whether a learned bias is added (default: true). */
  readonly bias?: boolean;
}

/** What {@link Linear} takes, by name. */
export interface LinearArguments extends LinearOptions {
  /** The number of input features: the size of the last axis. */
  readonly inFeatures: number;
  /** The number of output features. */
  readonly outFeatures: number;
}

/**
 * `x·weightᵀ + bias` over the last axis (torch.nn.Linear).
 *
 * ```ts
 * const layer = new nn.Linear(784, 10);
 * layer.forward(rand(64, 784)); // float32[64,10]
 * ```
 */
export class Linear extends Module {
  /** The number of input features: the size of the last axis. */
  readonly inFeatures: number;
  /** The number of output features. */
  readonly outFeatures: number;
  /** [outFeatures, inFeatures] */
  weight: Parameter;
  /** The learned bias, or `undefined` without one. */
  bias: Parameter | undefined;

  constructor(inFeatures: number, outFeatures: number, bias?: boolean | LinearOptions);
  constructor(options: LinearArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("Linear", given, ["inFeatures", "outFeatures", "bias"]);
    this.inFeatures = options.integer("inFeatures", 1);
    this.outFeatures = options.integer("outFeatures", 1);
    const hasBias = options.flag("bias", true);
    this.weight = defaultWeight([this.outFeatures, this.inFeatures]);
    this.bias = hasBias ? defaultBias(this.weight.shape) : undefined;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override extraRepr(): string {
    const bias = pythonFlag(this.bias !== undefined);
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${bias}`;
  }
}
