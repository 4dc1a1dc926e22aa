/** Losses of class scores as modules. */

import { KilnError } from "../../core/errors.ts";
import type { TensorType } from "../../ir/types.ts";
import { describe } from "../../ops/definition.ts";
import type { Labels } from "../../tensor/labels.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  type CrossEntropyOptions,
  classTargetType,
  crossEntropy,
  type NLLLossOptions,
  nllLoss,
  readClassLoss,
} from "../functional/loss/classification.ts";
import { withWeight } from "../reduction.ts";
import { Loss } from "./loss.ts";

/** Class indices: int32, the scores' shape without its classes. */
function targetOf(loss: Loss, output: TensorType): TensorType {
  if (output.shape.length > 0) return classTargetType(output);
  throw new KilnError(
    `${loss.constructor.name} expects scores [N,C,…] or [C] but the model gives ${describe(output)}`,
  );
}

/**
 * The negative log-probability of the target class, from scores [N,C,…] or [C] (torch.nn.CrossEntropyLoss). Targets
 * are classes, an int32 tensor or integers; float32 probabilities of the scores' shape have to be described in
 * `compileTraining`'s `targets`.
 * Labels that equal `ignoreIndex` (default: -100) do not count.
 *
 * ```ts
 * const criterion = new nn.CrossEntropyLoss();
 * const loss = criterion.forward(net.forward(images), labels);
 * ```
 */
export class CrossEntropyLoss extends Loss {
  /** The weight of each class, if any. */
  declare readonly weight: Tensor | undefined;
  /** The label of targets that are ignored. */
  readonly ignoreIndex: number;
  /** The share of each target that is spread over all classes. */
  readonly labelSmoothing: number;

  constructor(weight?: Tensor | CrossEntropyOptions, others?: CrossEntropyOptions) {
    const settings = readClassLoss("CrossEntropyLoss", withWeight(weight, others), true);
    super(settings.reduction);
    if (settings.weight !== undefined) this.registerBuffer("weight", settings.weight);
    this.ignoreIndex = settings.ignoreIndex;
    this.labelSmoothing = settings.labelSmoothing;
  }

  forward(input: Tensor, target: Labels): Tensor {
    return crossEntropy(input, target, given(this, { labelSmoothing: this.labelSmoothing }));
  }

  targetType(output: TensorType): TensorType {
    return targetOf(this, output);
  }
}

/** The negative log-probability of the target class, from log-probabilities [N,C,…] or [C] (torch.nn.NLLLoss). */
export class NLLLoss extends Loss {
  /** The weight of each class, if any. */
  declare readonly weight: Tensor | undefined;
  /** The label of targets that are ignored. */
  readonly ignoreIndex: number;

  constructor(weight?: Tensor | NLLLossOptions, others?: NLLLossOptions) {
    const settings = readClassLoss("NLLLoss", withWeight(weight, others), false);
    super(settings.reduction);
    if (settings.weight !== undefined) this.registerBuffer("weight", settings.weight);
    this.ignoreIndex = settings.ignoreIndex;
  }

  forward(input: Tensor, target: Labels): Tensor {
    return nllLoss(input, target, given(this, {}));
  }

  targetType(output: TensorType): TensorType {
    return targetOf(this, output);
  }
}

/** A module's options as its function takes them. */
const given = <More extends object>(loss: CrossEntropyLoss | NLLLoss, more: More) => ({
  reduction: loss.reduction,
  ...(loss.weight && { weight: loss.weight }),
  ignoreIndex: loss.ignoreIndex,
  ...more,
});
