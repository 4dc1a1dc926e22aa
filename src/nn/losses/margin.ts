/** Losses that want the scores of the right classes ahead of the others, as modules. */

import { KilnError } from "../../core/errors.ts";
import type { TensorType } from "../../ir/types.ts";
import { describe } from "../../ops/definition.ts";
import type { Labels } from "../../tensor/labels.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { classTargetType } from "../functional/loss/classification.ts";
import {
  type MultiMarginLossOptions,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  readMultiMargin,
  softMarginLoss,
} from "../functional/loss/margin.ts";
import { Arguments } from "../options.ts";
import {
  type LossOptions,
  readReduction,
  reductionOf,
  tensorOption,
  type WeightedLossOptions,
  withWeight,
} from "../reduction.ts";
import { ElementLoss, Loss } from "./loss.ts";

/** `log(1 + e^(-t·x))` of scores and targets that are 1 or -1 (torch.nn.SoftMarginLoss). */
export class SoftMarginLoss extends ElementLoss {
  constructor(options?: LossOptions) {
    super(readReduction("SoftMarginLoss", options));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return softMarginLoss(input, target, { reduction: this.reduction });
  }
}

/** How far other classes come within `margin` of the target's score (torch.nn.MultiMarginLoss). */
export class MultiMarginLoss extends Loss {
  /** Whether shortfalls count as they are (1) or squared (2). */
  readonly p: 1 | 2;
  /** The margin by which correct scores should be ahead. */
  readonly margin: number;
  /** The weight of each class, if any. */
  declare readonly weight: Tensor | undefined;

  constructor(
    p?: 1 | 2 | MultiMarginLossOptions,
    margin?: number | MultiMarginLossOptions,
    weight?: Tensor | MultiMarginLossOptions,
    others?: MultiMarginLossOptions,
  ) {
    const named = [p, margin].find((value) => typeof value === "object") as
      | MultiMarginLossOptions
      | undefined;
    const options = withWeight(weight, { ...named, ...others } as MultiMarginLossOptions);
    const settings = readMultiMargin("MultiMarginLoss", {
      ...options,
      ...(typeof p === "number" && { p }),
      ...(typeof margin === "number" && { margin }),
    });
    super(settings.reduction);
    this.p = settings.p;
    this.margin = settings.margin;
    if (settings.weight !== undefined) this.registerBuffer("weight", settings.weight);
  }

  forward(input: Tensor, target: Labels): Tensor {
    const { p, margin, weight, reduction } = this;
    return multiMarginLoss(input, target, { p, margin, reduction, ...(weight && { weight }) });
  }

  targetType(output: TensorType): TensorType {
    if (output.shape.length === 1 || output.shape.length === 2) return classTargetType(output);
    throw new KilnError(
      `MultiMarginLoss expects scores [N,C] or [C] but the model gives ${describe(output)}`,
    );
  }
}

/** How far other classes come within 1 of the scores of several target classes (torch.nn.MultiLabelMarginLoss). */
export class MultiLabelMarginLoss extends Loss {
  constructor(options?: LossOptions) {
    super(readReduction("MultiLabelMarginLoss", options));
  }

  forward(input: Tensor, target: Labels): Tensor {
    return multilabelMarginLoss(input, target, { reduction: this.reduction });
  }

  /** As many class numbers as there are scores; those before the first negative one count. */
  targetType({ shape }: TensorType): TensorType {
    return { dtype: "int32", shape };
  }
}

/** The binary cross-entropy of each class's score, as a mean over the classes (torch.nn.MultiLabelSoftMarginLoss). */
export class MultiLabelSoftMarginLoss extends ElementLoss {
  /** The weight of each class, if any. */
  declare readonly weight: Tensor | undefined;

  constructor(weight?: Tensor | WeightedLossOptions, others?: WeightedLossOptions) {
    const options = withWeight(weight, others);
    super(reductionOf(new Arguments("MultiLabelSoftMarginLoss", [options], [], ["weight", "reduction"])));
    const own = tensorOption("MultiLabelSoftMarginLoss", options, "weight");
    if (own !== undefined) this.registerBuffer("weight", own);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return multilabelSoftMarginLoss(input, target, {
      reduction: this.reduction,
      ...(this.weight && { weight: this.weight }),
    });
  }
}
