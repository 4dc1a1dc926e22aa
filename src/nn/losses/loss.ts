/** Loss, the base of all losses as modules: what a model's output is compared with, and what training makes small. */

import { KilnError } from "../../core/errors.ts";
import type { TensorType } from "../../ir/types.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Module } from "../module.ts";
import type { Reduction } from "../reduction.ts";

/**
 * A module that compares outputs with targets. `compileTraining` calls `forward` with all outputs of the model and
 * then all targets; if the targets' shapes are not given, it asks `targetType` once for each output.
 */
export abstract class Loss<Kind extends string = Reduction> extends Module {
  /** Whether the losses are averaged, summed or left as they are. */
  readonly reduction: Kind;

  constructor(reduction: Kind) {
    super();
    this.reduction = reduction;
  }

  abstract override forward(...inputs: Tensor[]): Tensor;

  /** The target that goes with an output of the given type, unless the user asks for another. */
  abstract targetType(output: TensorType): TensorType;
}

/** A loss whose target has the type of the model's only output. */
export abstract class ElementLoss<Kind extends string = Reduction> extends Loss<Kind> {
  targetType(output: TensorType): TensorType {
    return output;
  }
}

/** A loss of several outputs with targets of their own, which must therefore be passed to `compileTraining`. */
export abstract class ToldLoss<Kind extends string = Reduction> extends Loss<Kind> {
  /** What it compares, in words. */
  protected abstract readonly comparison: string;

  targetType(): TensorType {
    throw new KilnError(`${this.constructor.name} ${this.comparison}`);
  }
}

/** A loss of two outputs and one target. */
export abstract class PairLoss extends ToldLoss {
  protected override get comparison(): string {
    return "compares two outputs with one target: tell compileTraining the target's shape, such as targets: [[64]]";
  }
}
