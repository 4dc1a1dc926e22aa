/** Attention as a function: each query's mean of the values, weighted by how well it matches the keys. */

import { broadcastShapes, formatShape, type Shape } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { arange } from "../../tensor/creation.ts";
import { constant } from "../../tensor/operation.ts";
import { expand, where } from "../../tensor/rearrange.ts";
import { apply, Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { dropout, probability } from "./dropout.ts";

/** The options of {@link Attention}. */
export interface AttentionOptions {
  /** [L,S], or with leading axes that fit: bool, true where a query may see a key, or float32, added to the scores. */
  readonly attnMask?: Tensor | null;
  /** The probability that a weight is dropped, in evaluation too (default: 0). */
  readonly dropoutP?: number;
  /** Whether query i sees the keys up to i alone (default: false). */
  readonly isCausal?: boolean;
  /** What scores are multiplied by (default: 1/√E). */
  readonly scale?: number;
  /** Whether several heads of the query may share a head of key and value (default: false). */
  readonly enableGqa?: boolean;
}

const POSITIONAL = ["attnMask", "dropoutP", "isCausal"];

/**
 * `softmax(query·keyᵀ·scale + mask)·value` for a query […,L,E], keys [S,E] and values [S,Ev], each with the same
 * leading axes (torch.nn.functional.scaled_dot_product_attention). A query that may see no key gets zeros. With
 * `enableGqa` the third axis from the end counts heads, and the query has a multiple of those of the keys.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  attnMask?: Tensor | null | AttentionOptions,
  dropoutP?: number | AttentionOptions,
  isCausal?: boolean | AttentionOptions,
  options?: AttentionOptions,
): Tensor {
  const callee = "scaledDotProductAttention";
  const isTensor = attnMask instanceof Tensor;
  const listed = [isTensor ? undefined : attnMask, dropoutP, isCausal, options];
  const given = new Arguments(callee, listed, POSITIONAL, ["scale", "enableGqa"]);
  const mask = isTensor ? attnMask : given.tensor("attnMask");
  const causal = given.flag("isCausal", false);
  requireTensors(callee, { query, key, value });
  if (mask !== undefined && causal)
    refuse(`${callee} takes either attnMask or isCausal: put both into one mask`);
  const shared = given.flag("enableGqa", false);
  const [keys, values] = shared ? [key, value].map((t) => sharedHeads(query, t)) : [key, value];
  checkShapes(query, keys, values, shared);
  const [length, seen] = [query.shape[query.ndim - 2], keys.shape[keys.ndim - 2]];
  return attention(query, keys, values, {
    mask: causal ? causalMask(length, seen) : mask,
    // Each query sees the first key at least.
    mayBeBlind: !causal || seen === 0,
    dropoutP: probability(callee, given, "dropoutP", 0),
    scale: given.has("scale") ? given.number("scale", Number.NEGATIVE_INFINITY) : undefined,
    callee,
  })[0];
}

/** bool [L,S]: query i sees the keys up to i. */
export const causalMask = (length: number, seen: number): Tensor =>
  arange(length, { dtype: "int32" })
    .unsqueeze(1)
    .ge(arange(seen, { dtype: "int32" }));

interface Settings {
  readonly mask: Tensor | undefined;
  /** Whether the mask may hide all keys from a query. */
  readonly mayBeBlind: boolean;
  readonly dropoutP: number;
  readonly scale?: number | undefined;
  readonly callee: string;
}

/** The attention's result, and the weights by which it means the values. */
export function attention(query: Tensor, key: Tensor, value: Tensor, settings: Settings): [Tensor, Tensor] {
  const { dropoutP, scale } = settings;
  const factor = scale ?? 1 / Math.sqrt(query.shape[query.ndim - 1]);
  const scores = apply("matmul", [query, key], { transposeA: false, transposeB: true }).mul(factor);
  const weights = dropout(weightsOf(scores, settings), dropoutP, true);
  return [weights.matmul(value), weights];
}

function weightsOf(scores: Tensor, { mask, mayBeBlind, callee }: Settings): Tensor {
  if (mask === undefined) return scores.softmax(-1);
  checkMask(mask, scores, callee);
  const masked = mask.dtype === "bool" ? where(mask, scores, Number.NEGATIVE_INFINITY) : scores.add(mask);
  if (!mayBeBlind) return masked.softmax(-1);
  // A row without keys has no maximum: its softmax would be NaN, in the gradient too.
  const isBlind = masked.amax(-1, true).eq(Number.NEGATIVE_INFINITY);
  return where(isBlind, constant(0), where(isBlind, constant(0), masked).softmax(-1));
}

function checkMask(mask: Tensor, { shape }: Tensor, callee: string): void {
  if (mask.dtype !== "bool" && mask.dtype !== "float32")
    refuse(`${callee}'s mask must be bool or float32 but is ${describe(mask)}`);
  const axes = shape.slice(shape.length - mask.ndim);
  if (mask.ndim > shape.length || mask.shape.some((extent, k) => extent !== 1 && extent !== axes[k]))
    refuse(
      `${callee}'s mask must fit the scores ${formatShape(shape)} (…, queries, keys) but is ${describe(mask)}`,
    );
}

function checkShapes(query: Tensor, key: Tensor, value: Tensor, shared: boolean): void {
  const [q, k, v] = [query, key, value].map(({ shape }) => shape);
  const isFit =
    [query, key, value].every((t) => t.ndim >= 2 && t.dtype === "float32") &&
    q.at(-1) === k.at(-1) &&
    k.at(-2) === v.at(-2) &&
    haveCommonAxes([q, k, v].map((shape) => shape.slice(0, -2))) &&
    (shared || [k, v].every((shape) => shape.length === q.length));
  if (isFit) return;
  refuse(
    "scaledDotProductAttention expects a query […,L,E], keys […,S,E] and values […,S,Ev] of equal leading axes but got " +
      [query, key, value].map(describe).join(", "),
  );
}

/** Whether leading axes are equal, or 1. */
const haveCommonAxes = (shapes: readonly Shape[]): boolean =>
  shapes.reduce<Shape | undefined>((common, shape) => common && broadcastShapes(common, shape), []) !==
  undefined;

/** Keys or values [H,S,E] as [heads of the query,S,E]: each head as often as it is shared. */
function sharedHeads(query: Tensor, own: Tensor): Tensor {
  const [heads, given] = [query.shape.at(-3) ?? 0, own.shape.at(-3) ?? 0];
  if (query.ndim < 3 || own.ndim < 3 || given === 0 || heads % given !== 0)
    return refuse(
      `scaledDotProductAttention with enableGqa needs a query whose heads (axis -3) are a multiple of those of key and ` +
        `value, but got ${describe(query)} and ${describe(own)}`,
    );
  if (heads === given) return own;
  const { shape } = own;
  const axis = shape.length - 2;
  const repeated = [...shape.slice(0, axis), heads / given, ...shape.slice(axis)];
  return expand(own.unsqueeze(axis), repeated).reshape([
    ...shape.slice(0, axis - 1),
    heads,
    ...shape.slice(axis),
  ]);
}
