/** Distances and angles between vectors, with PyTorch's argument order and defaults. */

import { requireFloats } from "../../tensor/arguments.ts";
import { axisOf } from "../../tensor/axes.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { norm } from "../../tensor/norms.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";

/** The named arguments of {@link pairwiseDistance}. */
export interface PairwiseDistanceOptions {
  /** Which norm (default: 2); it may be ±Infinity. */
  readonly p?: number;
  /** What is added to each difference, so that the distance of equal vectors has a gradient (default: 1e-6). */
  readonly eps?: number;
  /** Whether the last axis stays, with extent 1 (default: false). */
  readonly keepdim?: boolean;
}

/** The named arguments of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions {
  /** The axis of the vectors (default: 1). */
  readonly dim?: number;
  /** The least length that is divided by (default: 1e-8). */
  readonly eps?: number;
}

const DISTANCE_NAMES = ["p", "eps", "keepdim"];
const COSINE_NAMES = ["dim", "eps"];

/** The options of a pairwise distance, for the layer and the function. */
export const readDistance = (
  callee: string,
  given: readonly unknown[],
): Required<PairwiseDistanceOptions> => {
  const options = new Arguments(callee, given, DISTANCE_NAMES);
  return {
    p: readNorm(callee, options, given),
    eps: options.number("eps", Number.NEGATIVE_INFINITY, 1e-6),
    keepdim: options.flag("keepdim", false),
  };
};

/** The degree of a norm (default: 2), which alone among options may be infinite. */
function readNorm(callee: string, options: Arguments, given: readonly unknown[]): number {
  const named = given.find((value) => typeof value === "object" && value !== null) as { p?: unknown };
  const p = typeof given[0] === "number" ? given[0] : named?.p;
  if (p === Number.POSITIVE_INFINITY || p === Number.NEGATIVE_INFINITY) return p;
  const degree = options.number("p", Number.NEGATIVE_INFINITY, 2);
  return degree >= 0 ? degree : refuse(`${callee}'s p must be at least 0, or -Infinity, not ${degree}`);
}

/** The options of a cosine, for the layer and the function. */
export const readCosine = (callee: string, given: readonly unknown[]): Required<CosineSimilarityOptions> => {
  const options = new Arguments(callee, given, COSINE_NAMES);
  return { dim: options.integer("dim", Number.NEGATIVE_INFINITY, 1), eps: options.number("eps", 0, 1e-8) };
};

/**
 * `‖x1 - x2 + eps‖` with the norm of degree `p` over the last axis: [N,D] or [D], which are broadcast to each other
 * (torch.nn.functional.pairwise_distance).
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  p?: number | PairwiseDistanceOptions,
  eps?: number | PairwiseDistanceOptions,
  keepdim?: boolean | PairwiseDistanceOptions,
): Tensor {
  requireVectors("pairwiseDistance", x1, x2);
  const { p: degree, eps: added, keepdim: keeps } = readDistance("pairwiseDistance", [p, eps, keepdim]);
  if (x1.ndim === 0 && x2.ndim === 0) return refuse("pairwiseDistance expects vectors [N,D] or [D]");
  return norm(x1.sub(x2).add(added), degree, -1, keeps);
}

/**
 * The cosine of the angle between vectors along `dim`: `x1·x2 / (max(‖x1‖, eps)·max(‖x2‖, eps))`, of shapes that are
 * broadcast to each other (torch.nn.functional.cosine_similarity).
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  dim?: number | CosineSimilarityOptions,
  eps?: number | CosineSimilarityOptions,
): Tensor {
  requireVectors("cosineSimilarity", x1, x2);
  const { dim: along, eps: least } = readCosine("cosineSimilarity", [dim, eps]);
  // An axis counts in the broadcast shape: from the end it is the same one in both.
  const rank = Math.max(x1.ndim, x2.ndim);
  const axis = axisOf(x1.ndim >= x2.ndim ? x1 : x2, along) - rank;
  const direction = (x: Tensor): Tensor =>
    x.ndim + axis < 0 ? x.div(raised(x.abs(), least)) : x.div(raised(norm(x, 2, axis, true), least));
  return direction(x1).mul(direction(x2)).sum(axis);
}

/** The named arguments of {@link normalize}. */
export interface NormalizeOptions {
  /** Which norm (default: 2). */
  readonly p?: number;
  /** The axis of the vectors (default: 1). */
  readonly dim?: number;
  /** The least length that is divided by (default: 1e-12). */
  readonly eps?: number;
}

/** Vectors along `dim` of length 1: `x / max(‖x‖, eps)` (torch.nn.functional.normalize). */
export function normalize(
  input: Tensor,
  p?: number | NormalizeOptions,
  dim?: number | NormalizeOptions,
  eps?: number | NormalizeOptions,
): Tensor {
  requireTensors("normalize", { input });
  requireFloats("normalize", input);
  const options = new Arguments("normalize", [p, dim, eps], ["p", "dim", "eps"]);
  const axis = axisOf(input, options.integer("dim", Number.NEGATIVE_INFINITY, 1));
  const length = norm(input, readNorm("normalize", options, [p, dim, eps]), axis, true);
  return input.div(length.clamp(options.number("eps", 0, 1e-12)));
}

/** At least `least`, with the gradient of what it was made from everywhere, as where PyTorch clamps without gradient. */
export function raised(x: Tensor, least: number): Tensor {
  const copy = x.clone();
  noGrad(() => copy.clamp_(least));
  return copy;
}

function requireVectors(callee: string, x1: Tensor, x2: Tensor): void {
  requireTensors(callee, { x1, x2 });
  for (const x of [x1, x2]) requireFloats(callee, x);
}
