/** Attention in several heads as a function: projections, masks and the keys that every query sees. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { zeros } from "../../tensor/creation.ts";
import { cat, expand, pad, where } from "../../tensor/rearrange.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { attention, causalMask } from "./attention.ts";
import { probability } from "./dropout.ts";
import { linear } from "./linear.ts";

/** The options of a call of attention. */
export interface MultiheadAttentionCall {
  /** `[N,S]`: bool, true for keys that nobody sees, or float32, added to the scores. */
  readonly keyPaddingMask?: Tensor | null;
  /** Whether the weights are given too (default: true). */
  readonly needWeights?: boolean;
  /** [L,S] or [N·heads,L,S]: bool, true where a query must NOT see a key, or float32, added to the scores. */
  readonly attnMask?: Tensor | null;
  /** Whether the weights are the heads' mean [N,L,S] and not [N,heads,L,S] (default: true). */
  readonly averageAttnWeights?: boolean;
  /** Whether a query sees the keys up to its own place alone; where `attnMask` says that already, it is a hint. */
  readonly isCausal?: boolean;
}

/** The named arguments of {@link multiHeadAttentionForward}. */
export interface MultiHeadAttentionForwardOptions extends MultiheadAttentionCall {
  /** Whether weights are dropped (default: true). */
  readonly training?: boolean;
  /** Whether the three projections come one by one (default: false). */
  readonly useSeparateProjWeight?: boolean;
  /** [E,E], [E,kdim] and [E,vdim]. */
  readonly qProjWeight?: Tensor | null;
  /** The projection of keys, [E,kdim]. */
  readonly kProjWeight?: Tensor | null;
  /** The projection of values, [E,vdim]. */
  readonly vProjWeight?: Tensor | null;
  /** Keys and values that are projected already: [N·heads,S,E/heads]. */
  readonly staticK?: Tensor | null;
  /** Values that are projected already: [N·heads,S,E/heads]. */
  readonly staticV?: Tensor | null;
}

/** The parts of one attention. */
export interface HeadsSettings {
  readonly callee: string;
  readonly embedDim: number;
  readonly numHeads: number;
  readonly batchFirst: boolean;
  readonly dropoutP: number;
  /** The projections of query, key and value, or all of them in one, [3·embedDim,embedDim]. */
  readonly projections: Tensor | readonly [Tensor, Tensor, Tensor];
  /** [3·embedDim] */
  readonly bias: Tensor | undefined;
  /** `[1,1,embedDim]`: a key and a value behind all others, which every query sees. */
  readonly extraKey: Tensor | undefined;
  readonly extraValue: Tensor | undefined;
  /** Whether a key and a value of zeros come behind those. */
  readonly addZeroAttn: boolean;
  /** `[N·heads,S,E/heads]`: replaces the projected keys and values. */
  readonly staticKey?: Tensor | undefined;
  readonly staticValue?: Tensor | undefined;
  /** What becomes of the heads' results [L,N,E]. */
  readonly output: (joined: Tensor) => Tensor;
}

/** The names of a call's options. */
export const ATTENTION_CALL = ["keyPaddingMask", "needWeights", "attnMask", "averageAttnWeights", "isCausal"];

const OPTIONS = [
  "training",
  ...ATTENTION_CALL,
  ...["useSeparateProjWeight", "qProjWeight", "kProjWeight", "vProjWeight", "staticK", "staticV"],
];

/**
 * The function of `nn.MultiheadAttention`, with all weights given: for a query [L,N,E], keys [S,N,kdim] and values
 * [S,N,vdim] (or all without N) the result [L,N,E] and the weights, or `null` if they are not requested
 * (torch.nn.functional.multi_head_attention_forward).
 */
export function multiHeadAttentionForward(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  embedDimToCheck: number,
  numHeads: number,
  inProjWeight: Tensor | null,
  inProjBias: Tensor | null,
  biasK: Tensor | null,
  biasV: Tensor | null,
  addZeroAttn: boolean,
  dropoutP: number,
  outProjWeight: Tensor,
  outProjBias: Tensor | null,
  options: MultiHeadAttentionForwardOptions = {},
): [out: Tensor, weights: Tensor | null] {
  const callee = "multiHeadAttentionForward";
  const numbers = new Arguments(
    callee,
    [embedDimToCheck, numHeads, addZeroAttn, dropoutP],
    ["embedDimToCheck", "numHeads", "addZeroAttn", "dropoutP"],
  );
  const embedDim = numbers.integer("embedDimToCheck", 1);
  const heads = numbers.integer("numHeads", 1);
  requireHeads(callee, embedDim, heads);
  requireTensors(callee, { query, key, value });
  const given = new Arguments(callee, [options], [], OPTIONS);
  const known = (name: string, tensor: Tensor | null | undefined, shape: Shape): Tensor | undefined => {
    if (tensor === null || tensor === undefined) return undefined;
    requireTensors(callee, { [name]: tensor });
    if (sameShape(tensor.shape, shape)) return tensor;
    return refuse(`${callee} needs ${name} of the shape ${formatShape(shape)}, not ${describe(tensor)}`);
  };
  const needed = (name: string, tensor: Tensor | null | undefined, shape: Shape): Tensor =>
    known(name, tensor, shape) ?? refuse(`${callee} needs ${name}`);
  const features = [query, key, value].map(({ shape }) => shape.at(-1) ?? 0);
  const one = (name: "qProjWeight" | "kProjWeight" | "vProjWeight", part: number): Tensor =>
    needed(name, given.tensor(name), [embedDim, features[part]]);
  const extraKey = known("biasK", biasK, [1, 1, embedDim]);
  const extraValue = known("biasV", biasV, [1, 1, embedDim]);
  if ((extraKey === undefined) !== (extraValue === undefined))
    refuse(`${callee} needs both biasK and biasV, or neither`);
  const [staticKey, staticValue] = [given.tensor("staticK"), given.tensor("staticV")];
  if (extraKey !== undefined && (staticKey ?? staticValue) !== undefined)
    refuse(`${callee} takes no biasK and biasV together with staticK or staticV`);
  const outWeight = needed("outProjWeight", outProjWeight, [embedDim, embedDim]);
  const outBias = known("outProjBias", outProjBias, [embedDim]);
  const settings: HeadsSettings = {
    callee,
    embedDim,
    numHeads: heads,
    batchFirst: false,
    dropoutP: given.flag("training", true) ? probability(callee, numbers, "dropoutP", 0) : 0,
    projections: given.flag("useSeparateProjWeight", false)
      ? [one("qProjWeight", 0), one("kProjWeight", 1), one("vProjWeight", 2)]
      : needed("inProjWeight", inProjWeight, [3 * embedDim, embedDim]),
    bias: known("inProjBias", inProjBias, [3 * embedDim]),
    extraKey,
    extraValue,
    addZeroAttn: numbers.flag("addZeroAttn", false),
    staticKey,
    staticValue,
    output: (joined) => linear(joined, outWeight, outBias),
  };
  return multiHeadAttention(query, key, value, settings, given);
}

/** `numHeads` parallel attentions, each over its part of the projected features; `given` holds the call's options. */
export function multiHeadAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  settings: HeadsSettings,
  given: Arguments,
): [out: Tensor, weights: Tensor | null] {
  const { callee, embedDim, batchFirst, dropoutP } = settings;
  const isBatch = checkInputs(query, key, value, settings);
  const [q, ownKeys, ownValues] = projected(query, key, value, settings).map((t) =>
    intoHeads(t, isBatch, settings),
  );
  const [batch, , length] = q.shape;
  const keys = staticHeads("staticK", settings.staticKey, batch, settings) ?? ownKeys;
  const values = staticHeads("staticV", settings.staticValue, batch, settings) ?? ownValues;
  const seen = keys.shape[2];
  if (values.shape[2] !== seen)
    refuse(`${callee} needs as many values as keys, but got ${values.shape[2]} and ${seen}`);
  const k = withExtra(keys, settings.extraKey, settings);
  const v = withExtra(values, settings.extraValue, settings);
  const mask = maskOf(given, isBatch, [batch, length, seen], settings);
  const added = k.shape[2] - seen;
  const [out, weights] = attention(q, k, v, {
    mask: mask === undefined || added === 0 ? mask : pad(mask, [0, added]),
    // A causal mask shows each query the first key, and no mask hides keys that were added.
    mayBeBlind: added === 0 && (given.has("attnMask") || given.has("keyPaddingMask")),
    dropoutP,
    callee,
  });
  const joined = out.permute(0, 2, 1, 3).reshape([batch, length, embedDim]);
  const result = settings.output(!isBatch ? joined.squeeze(0) : batchFirst ? joined : joined.transpose(0, 1));
  if (!given.flag("needWeights", true)) return [result, null];
  const shown = given.flag("averageAttnWeights", true) ? weights.mean(1) : weights;
  return [result, isBatch ? shown : shown.squeeze(0)];
}

/** Throws unless the features can be divided among the heads. */
export function requireHeads(callee: string, embedDim: number, numHeads: number): void {
  if (embedDim % numHeads !== 0)
    throw new KilnError(`${callee}'s embedDim ${embedDim} must be a multiple of its numHeads ${numHeads}`);
}

/** Queries, keys and values; those of one tensor by one product. */
function projected(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { projections, bias, embedDim }: HeadsSettings,
): Tensor[] {
  const isPacked = projections instanceof Tensor;
  if (isPacked && query === key && key === value) return linear(query, projections, bias).chunk(3, -1);
  return [query, key, value].map((input, part) => {
    const weight = isPacked ? projections.narrow(0, part * embedDim, embedDim) : projections[part];
    return linear(input, weight, bias?.narrow(0, part * embedDim, embedDim));
  });
}

/** [N, heads, L, features of a head] */
function intoHeads(t: Tensor, isBatch: boolean, { batchFirst, numHeads, embedDim }: HeadsSettings): Tensor {
  const batched = !isBatch ? t.unsqueeze(0) : batchFirst ? t : t.transpose(0, 1);
  const [batch, length] = batched.shape;
  return batched.reshape([batch, length, numHeads, embedDim / numHeads]).permute(0, 2, 1, 3);
}

function staticHeads(
  name: string,
  own: Tensor | undefined,
  batch: number,
  { callee, numHeads, embedDim }: HeadsSettings,
): Tensor | undefined {
  if (own === undefined) return undefined;
  const features = embedDim / numHeads;
  if (own.ndim !== 3 || own.shape[0] !== batch * numHeads || own.shape[2] !== features)
    return refuse(
      `${callee} needs ${name} of the shape [${batch * numHeads},S,${features}], not ${describe(own)}`,
    );
  return own.reshape([batch, numHeads, own.shape[1], features]);
}

/** Keys or values [N,heads,S,features] and, behind them, those that every query sees. */
function withExtra(
  own: Tensor,
  extra: Tensor | undefined,
  { addZeroAttn, numHeads, embedDim }: HeadsSettings,
): Tensor {
  const one = [own.shape[0], numHeads, 1, embedDim / numHeads];
  const parts = [own];
  if (extra !== undefined) parts.push(expand(extra.reshape([1, ...one.slice(1)]), one));
  if (addZeroAttn) parts.push(zeros(one));
  return parts.length === 1 ? own : cat(parts, 2);
}

/** All masks as one that is added to the scores [N,heads,L,S]. */
function maskOf(
  given: Arguments,
  isBatch: boolean,
  [batch, length, seen]: readonly [number, number, number],
  { callee, numHeads }: HeadsSettings,
): Tensor | undefined {
  const padding = given.tensor("keyPaddingMask");
  const own = given.tensor("attnMask");
  const masks: Tensor[] = [];
  if (own !== undefined) {
    const flat = [batch * numHeads, length, seen];
    requireMask(`${callee}'s attnMask`, own, [[length, seen], flat]);
    masks.push(added(own.ndim === 2 ? own : own.reshape([batch, numHeads, length, seen])));
  } else if (given.flag("isCausal", false)) {
    masks.push(where(causalMask(length, seen), 0, Number.NEGATIVE_INFINITY));
  }
  if (padding !== undefined) {
    requireMask(`${callee}'s keyPaddingMask`, padding, [isBatch ? [batch, seen] : [seen]]);
    masks.push(added(padding.reshape([batch, 1, 1, seen])));
  }
  return masks.length === 2 ? masks[0].add(masks[1]) : masks.at(0);
}

/** Converts a mask that is true for hidden keys to one that is added. */
const added = (mask: Tensor): Tensor =>
  mask.dtype === "bool" ? where(mask, Number.NEGATIVE_INFINITY, 0) : mask;

function requireMask(name: string, mask: Tensor, shapes: readonly Shape[]): void {
  if (["bool", "float32"].includes(mask.dtype) && shapes.some((shape) => sameShape(shape, mask.shape)))
    return;
  const wanted = shapes.map(formatShape).join(" or ");
  refuse(`${name} must be bool or float32 of the shape ${wanted} but is ${describe(mask)}`);
}

/** Whether there is a batch; throws if the inputs do not fit. */
function checkInputs(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { callee, batchFirst, projections, embedDim }: HeadsSettings,
): boolean {
  requireTensors(callee, { query, key, value });
  const { ndim } = query;
  const [steps, batch] = batchFirst && ndim === 3 ? [1, 0] : [0, 1];
  const features =
    projections instanceof Tensor
      ? [embedDim, embedDim, embedDim]
      : projections.map((weight) => weight.shape[1]);
  const isFit =
    (ndim === 2 || ndim === 3) &&
    [query, key, value].every(
      (t, part) =>
        t.ndim === ndim &&
        t.dtype === "float32" &&
        t.shape[ndim - 1] === features[part] &&
        (ndim === 2 || t.shape[batch] === query.shape[batch]),
    ) &&
    key.shape[steps] === value.shape[steps];
  if (isFit) return ndim === 3;
  const [l, s] = batchFirst ? ["N,L", "N,S"] : ["L,N", "S,N"];
  return refuse(
    `${callee} expects a query [${l},${features[0]}], keys [${s},${features[1]}] and values ` +
      `[${s},${features[2]}], or all without the batch, but got ${[query, key, value].map(describe).join(", ")}`,
  );
}
