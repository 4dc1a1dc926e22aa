/** Losses as modules: what a model's output is compared with, and what training makes small. */

import { KilnError } from "../core/errors.ts";
import type { TensorType } from "../ir/types.ts";
import { describe } from "../ops/definition.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { crossEntropy, l1Loss, mseLoss } from "./functional/loss.ts";
import { Module } from "./module.ts";
import { classAxis, type LossOptions, type Reduction, readReduction } from "./reduction.ts";

/** A module that compares an output with a target. */
export abstract class Loss extends Module {
  readonly reduction: Reduction;

  constructor(options?: LossOptions) {
    super();
    this.reduction = readReduction(this.constructor.name, options).reduction;
  }

  abstract override forward(input: Tensor, target: Tensor): Tensor;

  /** The target that goes with an output of the given type, unless the user asks for another. */
  abstract targetType(output: TensorType): TensorType;
}

/** The negative log-probability of the target class, from scores [N,C,…] or [C] (torch.nn.CrossEntropyLoss). */
export class CrossEntropyLoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return crossEntropy(input, target, { reduction: this.reduction });
  }

  /** Class indices: int32, the scores' shape without its classes. */
  targetType(output: TensorType): TensorType {
    const { shape } = output;
    if (shape.length === 0) {
      throw new KilnError(
        `CrossEntropyLoss expects scores [N,C,…] or [C] but the model gives ${describe(output)}`,
      );
    }
    return { dtype: "int32", shape: shape.filter((_, axis) => axis !== classAxis(shape.length)) };
  }
}

/** The squared difference (torch.nn.MSELoss). */
export class MSELoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, { reduction: this.reduction });
  }

  targetType(output: TensorType): TensorType {
    return output;
  }
}

/** The absolute difference (torch.nn.L1Loss). */
export class L1Loss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, { reduction: this.reduction });
  }

  targetType(output: TensorType): TensorType {
    return output;
  }
}
