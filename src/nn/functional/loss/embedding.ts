/** Losses that push pairs together or apart, with PyTorch's defaults; a target is 1 or -1. */

import { sameShape } from "../../../core/shape.ts";
import { describe } from "../../../ops/definition.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { Arguments } from "../../options.ts";
import { type LossOptions, reduced, reductionOf, refuse, requireSameShape } from "../../reduction.ts";

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

/** The distance x where the target is 1, `max(0, margin - x)` where it is -1. The margin is 1 unless told. */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, options?: MarginLossOptions): Tensor {
  const { margin, reduction } = readMargin("hingeEmbeddingLoss", options, 1);
  requireSameShape("hingeEmbeddingLoss", { input, target });
  const apart = input.rsub(margin).clamp(0).maskedFill(target.eq(1), 0);
  const together = input.maskedFill(target.eq(-1), 0);
  return reduced(apart.add(together), reduction);
}

/** `max(0, -t·(x1 - x2) + margin)`: the first input should be larger where t is 1. The margin is 0 unless told. */
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
 * [N,D] with targets [N], or [D] with a single target. The margin is 0 unless told.
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
