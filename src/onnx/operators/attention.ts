/** Attention, and positions as rotations. */

import { arange } from "../../tensor/creation.ts";
import { constant } from "../../tensor/operation.ts";
import { cat, pad, where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import { elementTypeFrom, isFloating } from "../element-types.ts";
import type { Operator } from "../operator.ts";

/** [batch, length, heads·size] as [batch, heads, length, size]. */
const apart = (x: Tensor, heads: number): Tensor => {
  const [batch, length, width] = x.shape;
  return x.reshape([batch, length, heads, width / heads]).transpose(1, 2);
};

const together = (x: Tensor): Tensor => {
  const [batch, heads, length, size] = x.shape;
  return x.transpose(1, 2).reshape([batch, length, heads * size]);
};

/** A boolean mask as a bias of the scores: 0 where queries may attend, -∞ elsewhere. */
const asBias = (allowed: Tensor): Tensor => where(allowed, constant(0), Number.NEGATIVE_INFINITY);

/** Which keys each query may see: [queries, keys], or [batch, 1, queries, keys] if samples differ. */
function allowedKeys(
  call: Call,
  queries: number,
  keys: number,
  past: number,
  lengths: Tensor | undefined,
): Tensor | undefined {
  const [left, right] = [call.int("left_window_size", -1), call.int("right_window_size", -1)];
  const isCausal = call.flag("is_causal");
  const key = arange(keys, { dtype: "int32" });
  const rows = arange(queries, { dtype: "int32" }).unsqueeze(1);
  // `past` keys come before the first query; in a sample with its own length, `length - queries` do.
  const query =
    lengths === undefined ? rows.add(past) : rows.add(lengths.sub(queries).reshape([-1, 1, 1, 1]));
  const rules = [
    ...(isCausal ? [key.le(query)] : []),
    ...(left >= 0 ? [query.sub(key).le(left)] : []),
    ...(right >= 0 ? [key.sub(query).le(right)] : []),
    ...(lengths === undefined ? [] : [key.lt(lengths.reshape([-1, 1, 1, 1]))]),
  ];
  return rules.length === 0 ? undefined : rules.reduce((a, b) => a.logicalAnd(b));
}

function attention(call: Call): readonly (Tensor | undefined)[] {
  const isFlat = call.tensor(0).ndim === 3;
  const heads = (x: Tensor, name: string): Tensor => (isFlat ? apart(x, call.int(name)) : x);
  const query = heads(call.tensor(0), "q_num_heads");
  const [key, value] = [1, 2].map((position, k) => {
    const own = heads(call.tensor(position), "kv_num_heads");
    const past = call.optional(4 + k);
    return past === undefined ? own : cat([past, own], 2);
  });
  const [queries, keys] = [query.shape[2], key.shape[2]];
  const precision = call.hasAttribute("softmax_precision")
    ? elementTypeFrom(call.int("softmax_precision"))
    : "float";
  if (precision === undefined || !isFloating(precision))
    call.lacks("its softmax_precision is none that Kiln computes in");
  const softcap = call.float("softcap", 0);
  const scale = call.hasAttribute("scale") ? call.float("scale") : 1 / Math.sqrt(query.shape[3]);
  const repeats = query.shape[1] / key.shape[1];
  const each = (x: Tensor): Tensor => (repeats === 1 ? x : x.repeatInterleave(repeats, 1));
  const product = query.mul(scale).matmul(each(key).transpose(2, 3));
  const capped = softcap === 0 ? product : product.div(softcap).tanh().mul(softcap);
  const bias = biasOf(call, queries, keys);
  const scores = bias === undefined ? capped : capped.add(bias);
  const weights = bias === undefined ? scores.softmax(-1) : guarded(scores, bias);
  const y = weights.matmul(each(value));
  const shown = [product, capped, scores, weights];
  return [isFlat ? together(y) : y, key, value, shown[call.int("qk_matmul_output_mode", 0)]];
}

/** The bias of the scores: the mask, and -∞ for keys that no query may see. */
function biasOf(call: Call, queries: number, keys: number): Tensor | undefined {
  const past = call.optional(4)?.shape[2] ?? 0;
  const allowed = allowedKeys(call, queries, keys, past, call.optional(6));
  const given = call.optional(3);
  const missing = given === undefined ? 0 : keys - given.shape.at(-1)!;
  const mask =
    given === undefined
      ? undefined
      : given.dtype === "bool"
        ? asBias(missing > 0 ? pad(given, [0, missing], "constant", 0) : given)
        : missing > 0
          ? pad(given, [0, missing], "constant", Number.NEGATIVE_INFINITY)
          : given;
  const parts = [...(mask === undefined ? [] : [mask]), ...(allowed === undefined ? [] : [asBias(allowed)])];
  return parts.length === 0 ? undefined : parts.reduce((a, b) => a.add(b));
}

/** Softmax, and 0 for queries that may see nothing at all. */
function guarded(scores: Tensor, bias: Tensor): Tensor {
  const isBlind = bias.amax(-1, true).eq(Number.NEGATIVE_INFINITY);
  return where(isBlind, 0, where(isBlind, 0, scores).softmax(-1));
}

/** Pairs of features turned by angles whose cosines and sines are given for each position. */
function rotated(call: Call): Tensor {
  const given = call.tensor(0);
  const isFlat = given.ndim === 3;
  const x = isFlat ? apart(given, call.int("num_heads")) : given;
  const size = x.shape[3];
  const width = call.int("rotary_embedding_dim", 0) || size;
  const positions = call.optional(3);
  const [cos, sin] = [1, 2].map((position) => {
    const cache = call.tensor(position);
    return (positions === undefined ? cache : cache.index(positions)).unsqueeze(1);
  });
  const turned = x.narrow(3, 0, width);
  const isInterleaved = call.flag("interleaved");
  const pairs = isInterleaved
    ? turned.unflatten(3, [width / 2, 2])
    : turned.unflatten(3, [2, width / 2]).transpose(3, 4);
  const [a, b] = [pairs.select(4, 0), pairs.select(4, 1)];
  const both = [a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))];
  const result = isInterleaved
    ? cat(
        both.map((half) => half.unsqueeze(4)),
        4,
      ).flatten(3)
    : cat(both, 3);
  const whole = width === size ? result : cat([result, x.narrow(3, width, size - width)], 3);
  return isFlat ? together(whole) : whole;
}

export const ATTENTION: readonly Operator[] = [
  { name: "Attention", limits: "softmax in float32, whatever its precision", run: attention },
  { name: "RotaryEmbedding", run: rotated },
];
