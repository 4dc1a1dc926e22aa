/** Attention in several heads, with learned projections of queries, keys and values. */

import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { probability } from "../functional/dropout.ts";
import {
  ATTENTION_CALL,
  type MultiheadAttentionCall,
  multiHeadAttention,
  requireHeads,
} from "../functional/multi-head-attention.ts";
import { constant, xavierNormal_, xavierUniform_ } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";
import type { Parameter } from "../parameter.ts";
import { Linear } from "./linear.ts";

/** The options of {@link MultiheadAttention}. */
export interface MultiheadAttentionOptions {
  /** The probability that a weight is dropped while training (default: 0). */
  readonly dropout?: number;
  /** Whether the projections have biases (default: true). */
  readonly bias?: boolean;
  /** Whether a learned key and value, which every query sees, are appended (default: false). */
  readonly addBiasKv?: boolean;
  /** Whether a key and a value of zeros are appended (default: false). */
  readonly addZeroAttn?: boolean;
  /** The number of features of keys (default: embedDim). */
  readonly kdim?: number;
  /** The number of features of values (default: `embedDim`). */
  readonly vdim?: number;
  /** Whether inputs and outputs are [N,L,E] and not [L,N,E] (default: false). */
  readonly batchFirst?: boolean;
}

/** What {@link MultiheadAttention} takes, by name. */
export interface MultiheadAttentionArguments extends MultiheadAttentionOptions {
  /** The number of features of queries, over all heads. */
  readonly embedDim: number;
  /** The number of heads. */
  readonly numHeads: number;
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

/**
 * `numHeads` parallel attentions, each over its part of the projected features (Vaswani et al., 2017;
 * torch.nn.MultiheadAttention). A query that may see no key gets weights of 0, where PyTorch's are NaN.
 */
export class MultiheadAttention extends Module {
  /** The number of features of queries, over all heads. */
  readonly embedDim: number;
  /** The number of heads. */
  readonly numHeads: number;
  /** The probability that a weight is dropped while training. */
  readonly dropout: number;
  /** Whether sequences are [N,T,E] and not [T,N,E]. */
  readonly batchFirst: boolean;
  /** Whether a key and value of zeros is added. */
  readonly addZeroAttn: boolean;
  /** The number of features of keys. */
  readonly kdim: number;
  /** The number of features of values. */
  readonly vdim: number;
  /** [embedDim, its input's features] each, where keys or values have other features than queries. */
  q_proj_weight: Parameter | undefined;
  /** The learned projection of keys, where they have another number of features. */
  k_proj_weight: Parameter | undefined;
  /** The learned projection of values, where they have another number of features. */
  v_proj_weight: Parameter | undefined;
  /** The three of them, one below the other, where all have the same: [3·embedDim, embedDim]. */
  in_proj_weight: Parameter | undefined;
  /** [3·embedDim] */
  in_proj_bias: Parameter | undefined;
  /** [1,1,embedDim] each, with `addBiasKv`. */
  bias_k: Parameter | undefined;
  /** A learned value that is appended to each sequence, if there is one. */
  bias_v: Parameter | undefined;
  /** The projection of the heads' results. */
  out_proj: Linear;

  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions);
  constructor(options: MultiheadAttentionArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("MultiheadAttention", given, POSITIONAL);
    const embed = options.integer("embedDim", 1);
    this.embedDim = embed;
    this.numHeads = options.integer("numHeads", 1);
    requireHeads("MultiheadAttention", embed, this.numHeads);
    this.addZeroAttn = options.flag("addZeroAttn", false);
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
    const extra = (): Parameter | undefined =>
      options.flag("addBiasKv", false)
        ? xavierNormal_(initialParameter([1, 1, embed], constant(0)))
        : undefined;
    this.bias_k = extra();
    this.bias_v = extra();
  }

  /**
   * For a query [L,N,E], keys [S,N,kdim] and values [S,N,vdim] (the batch first with `batchFirst`, or missing) the
   * result [L,N,E] and the weights, or `null` if they are not requested.
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionCall = {},
  ): [out: Tensor, weights: Tensor | null] {
    const given = new Arguments("MultiheadAttention's forward", [options], [], ATTENTION_CALL);
    const { embedDim, numHeads, batchFirst, addZeroAttn, in_proj_weight, in_proj_bias } = this;
    const own = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight] as [Tensor, Tensor, Tensor];
    const settings = {
      callee: "MultiheadAttention",
      embedDim,
      numHeads,
      batchFirst,
      dropoutP: this.training ? this.dropout : 0,
      projections: in_proj_weight ?? own,
      bias: in_proj_bias,
      extraKey: this.bias_k,
      extraValue: this.bias_v,
      addZeroAttn,
      output: (joined: Tensor) => this.out_proj.forward(joined),
    };
    return multiHeadAttention(query, key, value, settings, given);
  }
}
