/** Attention in several heads, with learned projections of queries, keys and values. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { attention, causalMask } from "../functional/attention.ts";
import { probability } from "../functional/dropout.ts";
import { linear } from "../functional/linear.ts";
import { constant, xavierUniform_ } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";
import type { Parameter } from "../parameter.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { Linear } from "./linear.ts";

export interface MultiheadAttentionOptions {
  /** The probability that a weight is dropped while training; 0 unless told. */
  readonly dropout?: number;
  /** Whether the projections have biases; true unless told. */
  readonly bias?: boolean;
  /** Not supported: a learned key and value that every query sees. */
  readonly addBiasKv?: boolean;
  /** Not supported: a key and a value of zeros. */
  readonly addZeroAttn?: boolean;
  /** How many features keys and values have; embedDim unless told. */
  readonly kdim?: number;
  readonly vdim?: number;
  /** Whether inputs and outputs are [N,L,E] and not [L,N,E]; false unless told. */
  readonly batchFirst?: boolean;
}

export interface MultiheadAttentionArguments extends MultiheadAttentionOptions {
  readonly embedDim: number;
  readonly numHeads: number;
}

export interface MultiheadAttentionCall {
  /** [N,S]: bool, true for keys that nobody sees, or float32, added to the scores. */
  readonly keyPaddingMask?: Tensor | null;
  /** Whether the weights are given too; true unless told. */
  readonly needWeights?: boolean;
  /** [L,S] or [N·heads,L,S]: bool, true where a query must NOT see a key, or float32, added to the scores. */
  readonly attnMask?: Tensor | null;
  /** Whether the weights are the heads' mean [N,L,S] and not [N,heads,L,S]; true unless told. */
  readonly averageAttnWeights?: boolean;
  /** Whether a query sees the keys up to its own place alone; where `attnMask` says that already, it is a hint. */
  readonly isCausal?: boolean;
}

/** PyTorch prints the last projection under this name. */
class NonDynamicallyQuantizableLinear extends Linear {}

const POSITIONAL = [
  "embedDim",
  "numHeads",
  "dropout",
  "bias",
  "addBiasKv",
  "addZeroAttn",
  "kdim",
  "vdim",
  "batchFirst",
];

const CALL = ["keyPaddingMask", "needWeights", "attnMask", "averageAttnWeights", "isCausal"];

/**
 * `numHeads` attentions side by side, each over its part of the projected features (Vaswani et al., 2017;
 * torch.nn.MultiheadAttention). A query that may see no key gets the weights 0, where PyTorch's are NaN.
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly kdim: number;
  readonly vdim: number;
  /** [embedDim, its input's features] each, where keys or values have other features than queries. */
  q_proj_weight: Parameter | undefined;
  k_proj_weight: Parameter | undefined;
  v_proj_weight: Parameter | undefined;
  /** The three of them, one below the other, where all have the same: [3·embedDim, embedDim]. */
  in_proj_weight: Parameter | undefined;
  /** [3·embedDim] */
  in_proj_bias: Parameter | undefined;
  out_proj: Linear;

  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions);
  constructor(options: MultiheadAttentionArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("MultiheadAttention", given, POSITIONAL);
    const embed = options.integer("embedDim", 1);
    this.embedDim = embed;
    this.numHeads = options.integer("numHeads", 1);
    if (embed % this.numHeads !== 0)
      throw new KilnError(
        `MultiheadAttention's embedDim ${embed} must be a multiple of its numHeads ${this.numHeads}`,
      );
    for (const name of ["addBiasKv", "addZeroAttn"])
      if (options.flag(name, false))
        throw new KilnError(`MultiheadAttention has no ${name}: put such a key and value in front of yours`);
    this.dropout = probability("MultiheadAttention", options, "dropout", 0);
    this.batchFirst = options.flag("batchFirst", false);
    this.kdim = options.integer("kdim", 1, embed);
    this.vdim = options.integer("vdim", 1, embed);
    const isPacked = this.kdim === embed && this.vdim === embed;
    const projection = (rows: number, columns: number): Parameter =>
      xavierUniform_(initialParameter([rows, columns], constant(0)));
    this.q_proj_weight = isPacked ? undefined : projection(embed, embed);
    this.k_proj_weight = isPacked ? undefined : projection(embed, this.kdim);
    this.v_proj_weight = isPacked ? undefined : projection(embed, this.vdim);
    this.in_proj_weight = isPacked ? projection(3 * embed, embed) : undefined;
    const bias = options.flag("bias", true);
    this.in_proj_bias = bias ? initialParameter([3 * embed], constant(0)) : undefined;
    this.out_proj = new NonDynamicallyQuantizableLinear(embed, embed, { bias });
    if (bias) this.out_proj.bias = initialParameter([embed], constant(0));
  }

  /**
   * For a query [L,N,E], keys [S,N,kdim] and values [S,N,vdim] (the batch first with `batchFirst`, or missing) the
   * result [L,N,E] and the weights, or `null` where they are not wanted.
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionCall = {},
  ): [out: Tensor, weights: Tensor | null] {
    const given = new Arguments("MultiheadAttention's forward", [options], [], CALL);
    const isBatch = this.checkInputs(query, key, value);
    const [q, k, v] = this.projected(query, key, value).map((t) => this.heads(t, isBatch));
    const [batch, , length] = q.shape;
    const seen = k.shape[2];
    const mask = this.maskOf(given, isBatch, batch, length, seen);
    const dropoutP = this.training ? this.dropout : 0;
    const [out, weights] = attention(q, k, v, { mask, dropoutP, callee: "MultiheadAttention" });
    const joined = out.permute(0, 2, 1, 3).reshape([batch, length, this.embedDim]);
    const result = this.out_proj.forward(
      !isBatch ? joined.squeeze(0) : this.batchFirst ? joined : joined.transpose(0, 1),
    );
    if (!given.flag("needWeights", true)) return [result, null];
    const shown = given.flag("averageAttnWeights", true) ? weights.mean(1) : weights;
    return [result, isBatch ? shown : shown.squeeze(0)];
  }

  /** Queries, keys and values; those of one tensor by one product. */
  private projected(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { in_proj_weight: packed, in_proj_bias: bias, embedDim } = this;
    if (packed !== undefined && query === key && key === value)
      return linear(query, packed, bias).chunk(3, -1);
    const own = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    return [query, key, value].map((input, part) => {
      const weight = packed === undefined ? own[part]! : packed.narrow(0, part * embedDim, embedDim);
      return linear(input, weight, bias?.narrow(0, part * embedDim, embedDim));
    });
  }

  /** [N, heads, L, features of a head] */
  private heads(projected: Tensor, isBatch: boolean): Tensor {
    const batched = !isBatch
      ? projected.unsqueeze(0)
      : this.batchFirst
        ? projected
        : projected.transpose(0, 1);
    const [batch, length] = batched.shape;
    return batched.reshape([batch, length, this.numHeads, this.embedDim / this.numHeads]).permute(0, 2, 1, 3);
  }

  /** All masks as one that is added to the scores [N,heads,L,S]. */
  private maskOf(
    given: Arguments,
    isBatch: boolean,
    batch: number,
    length: number,
    seen: number,
  ): Tensor | undefined {
    const { numHeads } = this;
    const padding = given.tensor("keyPaddingMask");
    const own = given.tensor("attnMask");
    const masks: Tensor[] = [];
    if (own !== undefined) {
      const flat = [batch * numHeads, length, seen];
      requireMask("attnMask", own, [[length, seen], flat]);
      masks.push(added(own.ndim === 2 ? own : own.reshape([batch, numHeads, length, seen])));
    } else if (given.flag("isCausal", false)) {
      masks.push(where(causalMask(length, seen), 0, Number.NEGATIVE_INFINITY));
    }
    if (padding !== undefined) {
      requireMask("keyPaddingMask", padding, [isBatch ? [batch, seen] : [seen]]);
      masks.push(added(padding.reshape([batch, 1, 1, seen])));
    }
    return masks.length === 2 ? masks[0].add(masks[1]) : masks.at(0);
  }

  private checkInputs(query: Tensor, key: Tensor, value: Tensor): boolean {
    requireTensors("MultiheadAttention", { query, key, value });
    const { ndim } = query;
    const [steps, batch] = this.batchFirst && ndim === 3 ? [1, 0] : [0, 1];
    const features = [this.embedDim, this.kdim, this.vdim];
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
    const [l, s] = this.batchFirst ? ["N,L", "N,S"] : ["L,N", "S,N"];
    return refuse(
      `MultiheadAttention expects a query [${l},${features[0]}], keys [${s},${features[1]}] and values ` +
        `[${s},${features[2]}], or all without the batch, but got ${[query, key, value].map(describe).join(", ")}`,
    );
  }
}

/** A mask that hides where it is true, as one that is added. */
const added = (mask: Tensor): Tensor =>
  mask.dtype === "bool" ? where(mask, Number.NEGATIVE_INFINITY, 0) : mask;

function requireMask(name: string, mask: Tensor, shapes: readonly Shape[]): void {
  if (["bool", "float32"].includes(mask.dtype) && shapes.some((shape) => sameShape(shape, mask.shape)))
    return;
  const wanted = shapes.map(formatShape).join(" or ");
  refuse(
    `MultiheadAttention's ${name} must be bool or float32 of the shape ${wanted} but is ${describe(mask)}`,
  );
}
