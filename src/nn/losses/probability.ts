/** Losses between probabilities as modules; output and target have one shape. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  type BCEWithLogitsLossOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  KL_REDUCTIONS,
  type KLDivLossOptions,
  type KLReduction,
  klDiv,
} from "../functional/loss/probability.ts";
import { Arguments } from "../options.ts";
import { reductionOf, tensorOption, type WeightedLossOptions, withWeight } from "../reduction.ts";
import { ElementLoss } from "./loss.ts";

/** Binary cross-entropy of probabilities, such as those of a sigmoid (torch.nn.BCELoss). */
export class BCELoss extends ElementLoss {
  /** The weight of each element, if any. */
  declare readonly weight: Tensor | undefined;

  constructor(weight?: Tensor | WeightedLossOptions, others?: WeightedLossOptions) {
    const options = withWeight(weight, others);
    super(reductionOf(new Arguments("BCELoss", [options], [], ["weight", "reduction"])));
    const own = tensorOption("BCELoss", options, "weight");
    if (own !== undefined) this.registerBuffer("weight", own);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, {
      reduction: this.reduction,
      ...(this.weight && { weight: this.weight }),
    });
  }
}

/** Binary cross-entropy of logits, in a form that never overflows (torch.nn.BCEWithLogitsLoss). */
export class BCEWithLogitsLoss extends ElementLoss {
  /** The weight of each element, if any. */
  declare readonly weight: Tensor | undefined;
  /** The weight of positive examples, under PyTorch's name. */
  declare readonly pos_weight: Tensor | undefined;

  constructor(weight?: Tensor | BCEWithLogitsLossOptions, others?: BCEWithLogitsLossOptions) {
    const options: BCEWithLogitsLossOptions | undefined = withWeight(weight, others);
    const names = ["weight", "reduction", "posWeight"];
    super(reductionOf(new Arguments("BCEWithLogitsLoss", [options], [], names)));
    const own = tensorOption("BCEWithLogitsLoss", options, "weight");
    const positive = tensorOption("BCEWithLogitsLoss", options, "posWeight");
    if (own !== undefined) this.registerBuffer("weight", own);
    if (positive !== undefined) this.registerBuffer("pos_weight", positive);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(input, target, {
      reduction: this.reduction,
      ...(this.weight && { weight: this.weight }),
      ...(this.pos_weight && { posWeight: this.pos_weight }),
    });
  }
}

/** Kullback and Leibler's divergence of a target distribution from log-probabilities (torch.nn.KLDivLoss). */
export class KLDivLoss extends ElementLoss<KLReduction> {
  /** Whether targets are logarithms of probabilities. */
  readonly logTarget: boolean;

  constructor(options?: KLDivLossOptions) {
    const given = new Arguments("KLDivLoss", [options], [], ["reduction", "logTarget"]);
    super(given.choice("reduction", KL_REDUCTIONS, "mean"));
    this.logTarget = given.flag("logTarget", false);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, { reduction: this.reduction, logTarget: this.logTarget });
  }
}
