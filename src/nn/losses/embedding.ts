/** Losses that push pairs and triplets together or apart as modules; the target of a pair is 1 or -1. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  cosineEmbeddingLoss,
  type DistanceFunction,
  hingeEmbeddingLoss,
  type MarginLossOptions,
  marginRankingLoss,
  readTriplet,
  readTripletSettings,
  type TripletMarginLossOptions,
  type TripletMarginWithDistanceLossOptions,
  type TripletSettings,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from "../functional/loss/embedding.ts";
import { PairwiseDistance } from "../layers/distance.ts";
import { Arguments } from "../options.ts";
import { reductionOf } from "../reduction.ts";
import { ElementLoss, PairLoss, ToldLoss } from "./loss.ts";

/** No lower bound for a margin. */
const ANY = Number.NEGATIVE_INFINITY;

const readMargin = (callee: string, given: readonly unknown[]): Arguments =>
  new Arguments(callee, given, ["margin"], ["reduction"]);

/** The distance if the target is 1, `max(0, margin - distance)` if it is -1 (torch.nn.HingeEmbeddingLoss). */
export class HingeEmbeddingLoss extends ElementLoss {
  /** The margin by which correct scores should be ahead. */
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
 * `max(0, -t·(x1 - x2) + margin)` (torch.nn.MarginRankingLoss). To compile it, the model returns both inputs, and
 * `targets` gives the target's shape, which equals theirs.
 */
export class MarginRankingLoss extends PairLoss {
  /** The margin by which correct scores should be ahead. */
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
 * (torch.nn.CosineEmbeddingLoss). To compile it, the model returns both inputs [N,D], and `targets` gives the target's
 * shape, [N].
 */
export class CosineEmbeddingLoss extends PairLoss {
  /** The margin by which correct scores should be ahead. */
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

abstract class TripletLoss extends ToldLoss {
  /** The margin by which correct scores should be ahead. */
  readonly margin: number;
  /** Whether the distance between the positive and the negative one counts if it is smaller. */
  readonly swap: boolean;

  constructor({ margin, swap, reduction }: TripletSettings) {
    super(reduction);
    this.margin = margin;
    this.swap = swap;
  }

  protected override get comparison(): string {
    return "compares three outputs with each other: pass targets: [] to compileTraining, as there are none";
  }
}

/**
 * `max(0, margin + d(anchor, positive) - d(anchor, negative))` (torch.nn.TripletMarginLoss). Compiled, the model
 * returns the three, [N,D], and `targets` is [].
 */
export class TripletMarginLoss extends TripletLoss {
  /** Which norm distances are measured in. */
  readonly p: number;
  /** What is added to the differences. */
  readonly eps: number;

  constructor(
    margin?: number | TripletMarginLossOptions,
    p?: number | TripletMarginLossOptions,
    eps?: number | TripletMarginLossOptions,
    swap?: boolean | TripletMarginLossOptions,
    options?: TripletMarginLossOptions,
  ) {
    const settings = readTriplet("TripletMarginLoss", [margin, p, eps, swap, options]);
    super(settings);
    this.p = settings.p;
    this.eps = settings.eps;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this;
    return tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction });
  }
}

/**
 * Like {@link TripletMarginLoss}, with a custom distance (torch.nn.TripletMarginWithDistanceLoss): any function of two
 * tensors [N,D] that returns [N].
 */
export class TripletMarginWithDistanceLoss extends TripletLoss {
  /** Under PyTorch's name, for a module shows in the printed text (default: {@link PairwiseDistance}). */
  readonly distance_function: DistanceFunction;

  constructor(options: TripletMarginWithDistanceLossOptions = {}) {
    const callee = "TripletMarginWithDistanceLoss";
    const { distanceFunction, ...others } = options;
    super(readTripletSettings(callee, new Arguments(callee, [others], [], ["margin", "swap", "reduction"])));
    this.distance_function = distanceFunction ?? new PairwiseDistance();
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distance_function: distanceFunction, margin, swap, reduction } = this;
    return tripletMarginWithDistanceLoss(anchor, positive, negative, {
      distanceFunction,
      margin,
      swap,
      reduction,
    });
  }
}
