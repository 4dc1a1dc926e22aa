/** Losses that push pairs and triplets together or apart, with PyTorch's defaults; the target of a pair is 1 or -1. */

import { sameShape } from "../../../core/shape.ts";
import { describe } from "../../../ops/definition.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { Arguments } from "../../options.ts";
import {
  type LossOptions,
  type Reduction,
  reduced,
  reductionOf,
  refuse,
  requireSameShape,
  requireTensors,
} from "../../reduction.ts";
import { pairwiseDistance, readDistance } from "../distance.ts";

/** The named arguments of the losses with a margin. */
export interface MarginLossOptions extends LossOptions {
  /** How far apart is far enough. */
  readonly margin?: number;
}

const readMargin = (callee: string, options: MarginLossOptions | undefined, fallback: number) => {
  const given = new Arguments(callee, [options], [], ["margin", "reduction"]);
  return {
    margin: given.number("margin", Number.NEGATIVE_INFINITY, fallback),
    reduction: reductionOf(given),
  };
};

/** The distance x if the target is 1, `max(0, margin - x)` if it is -1. The margin is 1 by default. */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, options?: MarginLossOptions): Tensor {
  const { margin, reduction } = readMargin("hingeEmbeddingLoss", options, 1);
  requireSameShape("hingeEmbeddingLoss", { input, target });
  const apart = input.rsub(margin).clamp(0).maskedFill(target.eq(1), 0);
  const together = input.maskedFill(target.eq(-1), 0);
  return reduced(apart.add(together), reduction);
}

/** `max(0, -t·(x1 - x2) + margin)`: the first input should be larger where t is 1. The margin is 0 by default. */
export function marginRankingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  options?: MarginLossOptions,
): Tensor {
  const { margin, reduction } = readMargin("marginRankingLoss", options, 0);
  requireSameShape("marginRankingLoss", { input1, input2, target });
  return reduced(target.float().neg().mul(input1.sub(input2)).add(margin).clamp(0), reduction);
}

/** What PyTorch adds to squared lengths before it divides by them. */
const EPSILON = 1e-12;

/**
 * `1 - cos` of the angle between vectors where the target is 1, `max(0, cos - margin)` where it is -1. Inputs are
 * [N,D] with targets [N], or [D] with a single target. The margin is 0 by default.
 */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  options?: MarginLossOptions,
): Tensor {
  const { margin, reduction } = readMargin("cosineEmbeddingLoss", options, 0);
  requireSameShape("cosineEmbeddingLoss", { input1, input2 });
  const { ndim } = input1;
  if ((ndim !== 1 && ndim !== 2) || !sameShape(target.shape, input1.shape.slice(0, -1))) {
    refuse(
      "cosineEmbeddingLoss expects inputs [N,D] with targets [N], or [D] with a single target, " +
        `but got ${describe(input1)} with ${describe(target)}`,
    );
  }
  const product = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum(-1);
  const lengths = product(input1, input1).add(EPSILON).mul(product(input2, input2).add(EPSILON));
  const cosine = product(input1, input2).div(lengths.sqrt());
  const together = cosine.rsub(1).maskedFill(target.ne(1), 0);
  const apart = cosine.sub(margin).clamp(0).maskedFill(target.ne(-1), 0);
  return reduced(together.add(apart), reduction);
}

type Distance = (x1: Tensor, x2: Tensor) => Tensor;

/** How far apart two tensors of vectors are, one number for each pair: a function, or a module of two inputs. */
export type DistanceFunction = Distance | { forward(x1: Tensor, x2: Tensor): Tensor };

/** The named arguments of {@link tripletMarginWithDistanceLoss}. */
export interface TripletMarginWithDistanceLossOptions extends LossOptions {
  /** Default: {@link pairwiseDistance}. */
  readonly distanceFunction?: DistanceFunction | null;
  /** How much farther away the negative example should be (default: above 0, 1). */
  readonly margin?: number;
  /** Whether the negative example is as far away as it is from the nearer of the other two (default: false). */
  readonly swap?: boolean;
}

/** The named arguments of {@link tripletMarginLoss}. */
export interface TripletMarginLossOptions
  extends Omit<TripletMarginWithDistanceLossOptions, "distanceFunction"> {
  /** The norm of the distance (default: 2). */
  readonly p?: number;
  /** What is added to differences, so that equal vectors have a gradient (default: 1e-6). */
  readonly eps?: number;
}

/** What both triplet losses are computed with. */
export interface TripletSettings {
  readonly margin: number;
  readonly swap: boolean;
  readonly reduction: Reduction;
}

/** The options of a triplet loss, for the module and the function. */
export function readTriplet(
  callee: string,
  given: readonly unknown[],
): TripletSettings & { readonly p: number; readonly eps: number } {
  const options = new Arguments(callee, given, ["margin", "p", "eps", "swap"], ["reduction"]);
  const [, degree, added] = given.map((value) => (typeof value === "object" ? undefined : value));
  const named = given.find((value) => typeof value === "object" && value !== null) as
    | TripletMarginLossOptions
    | undefined;
  const { p, eps } = readDistance(callee, [{ p: degree ?? named?.p, eps: added ?? named?.eps }]);
  return { ...readTripletSettings(callee, options), p, eps };
}

/** The options that both triplet losses have. */
export const readTripletSettings = (callee: string, options: Arguments): TripletSettings => {
  const margin = options.number("margin", 0, 1);
  return {
    margin: margin > 0 ? margin : refuse(`${callee}'s margin must be above 0, not ${margin}`),
    swap: options.flag("swap", false),
    reduction: reductionOf(options),
  };
};

/**
 * `max(0, margin + d(anchor, positive) - d(anchor, negative))` with the distance of degree `p` along the last axis: [N,D]
 * or [D] (torch.nn.functional.triplet_margin_loss).
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options?: TripletMarginLossOptions,
): Tensor {
  const { p, eps, ...settings } = readTriplet("tripletMarginLoss", [options]);
  const distance: Distance = (x1, x2) => pairwiseDistance(x1, x2, { p, eps });
  return tripletLoss("tripletMarginLoss", [anchor, positive, negative], distance, settings);
}

/** As {@link tripletMarginLoss}, with any distance (torch.nn.functional.triplet_margin_with_distance_loss). */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginWithDistanceLossOptions = {},
): Tensor {
  const callee = "tripletMarginWithDistanceLoss";
  const { distanceFunction, ...others } = options;
  const given = new Arguments(callee, [others], [], ["margin", "swap", "reduction"]);
  const settings = readTripletSettings(callee, given);
  return tripletLoss(
    callee,
    [anchor, positive, negative],
    readDistanceFunction(callee, distanceFunction),
    settings,
  );
}

/** The distance of a triplet loss, {@link pairwiseDistance} by default. */
function readDistanceFunction(callee: string, given: DistanceFunction | null | undefined): Distance {
  if (given === undefined || given === null) return (x1, x2) => pairwiseDistance(x1, x2);
  if (typeof given === "function") return given;
  if (typeof given.forward === "function") return (x1, x2) => given.forward(x1, x2);
  return refuse(
    `${callee}'s distanceFunction must be a function or a module of two tensors, not a ${typeof given}`,
  );
}

function tripletLoss(
  callee: string,
  [anchor, positive, negative]: readonly [Tensor, Tensor, Tensor],
  distance: Distance,
  { margin, swap, reduction }: TripletSettings,
): Tensor {
  requireTensors(callee, { anchor, positive, negative });
  if (anchor.ndim !== positive.ndim || anchor.ndim !== negative.ndim)
    refuse(
      `${callee} expects tensors of as many axes each, but got ${describe(anchor)}, ${describe(positive)} and ` +
        describe(negative),
    );
  const near = distance(anchor, positive);
  const far = distance(anchor, negative);
  const apart = swap ? far.minimum(distance(positive, negative)) : far;
  return reduced(near.sub(apart).add(margin).clamp(0), reduction);
}
