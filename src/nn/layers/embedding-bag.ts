/** The embedding layer for bags of indices, whose rows are summed, averaged or compared. */

import { randn } from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { MAX_NORM_NAMES, readMaxNorm, readPaddingIdx } from "../functional/embedding.ts";
import {
  BAG_MODES,
  type BagMode,
  type EmbeddingBagOptions,
  embeddingBag,
} from "../functional/embedding-bag.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";
import { Parameter } from "../parameter.ts";
import { maxNormRepr, present } from "./embedding.ts";

/** What {@link EmbeddingBag} takes, by name. */
export interface EmbeddingBagArguments extends Omit<EmbeddingBagOptions, "perSampleWeights"> {
  /** The number of rows of the table. */
  readonly numEmbeddings: number;
  /** The length of a row. */
  readonly embeddingDim: number;
}

/** One vector for each bag of int32 indices: [B,N] → [B,D], or [N] with offsets [B] (torch.nn.EmbeddingBag). */
export class EmbeddingBag extends Module {
  /** The number of rows of the table. */
  readonly numEmbeddings: number;
  /** The length of a row. */
  readonly embeddingDim: number;
  /** How a bag becomes one row: "sum", "mean" (the default) or "max". */
  readonly mode: BagMode;
  /** The largest norm of rows, if given: rows that are looked up are first scaled down to it. */
  readonly maxNorm: number | undefined;
  /** Which norm that is (default: 2). */
  readonly normType: number;
  /** Whether gradients are divided by how often a row is used in a batch (default: false). */
  readonly scaleGradByFreq: boolean;
  /** Whether the offsets end with the number of indices (default: false). */
  readonly includeLastOffset: boolean;
  /** The row that is not learned, if there is one. */
  readonly paddingIdx: number | undefined;
  /** [numEmbeddings, embeddingDim] */
  weight: Parameter;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    options?: Omit<EmbeddingBagArguments, "numEmbeddings" | "embeddingDim">,
  );
  constructor(options: EmbeddingBagArguments);
  constructor(...given: unknown[]) {
    super();
    const named = [...MAX_NORM_NAMES, "mode", "scaleGradByFreq", "includeLastOffset", "paddingIdx"];
    const options = new Arguments("EmbeddingBag", given, ["numEmbeddings", "embeddingDim"], named);
    this.numEmbeddings = options.integer("numEmbeddings", 1);
    this.embeddingDim = options.integer("embeddingDim", 1);
    this.mode = options.choice("mode", BAG_MODES, "mean");
    const { maxNorm, normType } = readMaxNorm(options);
    this.maxNorm = maxNorm;
    this.normType = normType;
    this.scaleGradByFreq = options.flag("scaleGradByFreq", false);
    this.includeLastOffset = options.flag("includeLastOffset", false);
    this.paddingIdx = readPaddingIdx("EmbeddingBag", options, this.numEmbeddings);
    const table = randn([this.numEmbeddings, this.embeddingDim]);
    const row = this.paddingIdx;
    if (row !== undefined) table.peek()?.fill(0, row * this.embeddingDim, (row + 1) * this.embeddingDim);
    this.weight = new Parameter(table);
  }

  forward(input: Tensor, offsets?: Tensor, perSampleWeights?: Tensor): Tensor {
    const { mode, scaleGradByFreq, includeLastOffset, paddingIdx = null } = this;
    const options = {
      mode,
      ...present(this),
      scaleGradByFreq,
      includeLastOffset,
      paddingIdx,
      perSampleWeights,
    };
    return offsets === undefined
      ? embeddingBag(input, this.weight, options)
      : embeddingBag(input, this.weight, offsets, options);
  }

  override extraRepr(): string {
    return [
      `${this.numEmbeddings}, ${this.embeddingDim}`,
      ...maxNormRepr(this),
      ...(this.scaleGradByFreq ? ["scale_grad_by_freq=True"] : []),
      `mode='${this.mode}'`,
      ...(this.paddingIdx === undefined ? [] : [`padding_idx=${this.paddingIdx}`]),
    ].join(", ");
  }
}
