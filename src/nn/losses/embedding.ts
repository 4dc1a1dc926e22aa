/** Losses that push pairs together or apart as modules; a target is 1 or -1. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  type MarginLossOptions,
  marginRankingLoss,
} from "../functional/loss/embedding.ts";
import { Arguments } from "../options.ts";
import { reductionOf } from "../reduction.ts";
import { ElementLoss, PairLoss } from "./loss.ts";

/** No lower bound for a margin. */
const ANY = Number.NEGATIVE_INFINITY;

const readMargin = (callee: string, given: readonly unknown[]): Arguments =>
  new Arguments(callee, given, ["margin"], ["reduction"]);

/** The distance where the target is 1, `max(0, margin - distance)` where it is -1 (torch.nn.HingeEmbeddingLoss). */
export class HingeEmbeddingLoss extends ElementLoss {
  readonly margin: number;

  constructor(margin?: number | MarginLossOptions, options?: MarginLossOptions) {
    const given = readMargin("HingeEmbeddingLoss", [margin, options]);
    super(reductionOf(given));
    this.margin = given.number("margin", ANY, 1);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(input, target, { margin: this.margin, reduction: this.reduction });
  }
}

/**
 * `max(0, -t·(x1 - x2) + margin)` (torch.nn.MarginRankingLoss). Compiled, the model returns both inputs and
 * `targets` tells the target's shape, which is theirs.
 */
export class MarginRankingLoss extends PairLoss {
  readonly margin: number;

  constructor(margin?: number | MarginLossOptions, options?: MarginLossOptions) {
    const given = readMargin("MarginRankingLoss", [margin, options]);
    super(reductionOf(given));
    this.margin = given.number("margin", ANY, 0);
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return marginRankingLoss(input1, input2, target, { margin: this.margin, reduction: this.reduction });
  }
}

/**
 * `1 - cos` of the angle between vectors where the target is 1, `max(0, cos - margin)` where it is -1
 * (torch.nn.CosineEmbeddingLoss). Compiled, the model returns both inputs [N,D] and `targets` tells the target's
 * shape, [N].
 */
export class CosineEmbeddingLoss extends PairLoss {
  readonly margin: number;

  constructor(margin?: number | MarginLossOptions, options?: MarginLossOptions) {
    const given = readMargin("CosineEmbeddingLoss", [margin, options]);
    super(reductionOf(given));
    this.margin = given.number("margin", ANY, 0);
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return cosineEmbeddingLoss(input1, input2, target, { margin: this.margin, reduction: this.reduction });
  }
}
