/** Layers that compare vectors with vectors. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type PairwiseDistanceOptions,
  pairwiseDistance,
  readCosine,
  readDistance,
} from "../functional/distance.ts";
import { Module } from "../module.ts";

/** The distance between vectors [N,D] or [D] (torch.nn.PairwiseDistance). */
export class PairwiseDistance extends Module {
  /** The degree of the norm. */
  readonly norm: number;
  /** What is added to the differences. */
  readonly eps: number;
  /** Whether the reduced axis stays with extent 1 (default: false). */
  readonly keepdim: boolean;

  constructor(
    p?: number | PairwiseDistanceOptions,
    eps?: number | PairwiseDistanceOptions,
    keepdim?: boolean | PairwiseDistanceOptions,
  ) {
    super();
    const options = readDistance("PairwiseDistance", [p, eps, keepdim]);
    this.norm = options.p;
    this.eps = options.eps;
    this.keepdim = options.keepdim;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, this.norm, this.eps, this.keepdim);
  }
}

/** The cosine of the angle between vectors along an axis (torch.nn.CosineSimilarity). */
export class CosineSimilarity extends Module {
  /** The axis of the vectors. */
  readonly dim: number;
  /** The least product of norms that is divided by. */
  readonly eps: number;

  constructor(dim?: number | CosineSimilarityOptions, eps?: number | CosineSimilarityOptions) {
    super();
    const options = readCosine("CosineSimilarity", [dim, eps]);
    this.dim = options.dim;
    this.eps = options.eps;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this.dim, this.eps);
  }
}
