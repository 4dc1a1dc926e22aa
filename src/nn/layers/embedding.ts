/** The embedding layer: a learned table of vectors, looked up by whole numbers. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { randn } from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  embedding,
  type LookupOptions,
  MAX_NORM_NAMES,
  type MaxNorm,
  readMaxNorm,
  readPaddingIdx,
} from "../functional/embedding.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFloat } from "../options.ts";
import { Parameter } from "../parameter.ts";

/** The options of {@link Embedding}. */
export interface EmbeddingOptions extends LookupOptions {
  /** The initial table, [numEmbeddings, embeddingDim] (default: normally distributed). */
  readonly _weight?: Tensor;
  /** Whether the table is frozen (default: false). */
  readonly _freeze?: boolean;
}

/** What {@link Embedding} takes, by name. */
export interface EmbeddingArguments extends EmbeddingOptions {
  /** The number of rows of the table. */
  readonly numEmbeddings: number;
  /** The length of a row. */
  readonly embeddingDim: number;
}

/** The options of {@link Pretrained}. */
export interface PretrainedOptions extends LookupOptions {
  /** Whether the table is frozen (default: true). */
  readonly freeze?: boolean;
}

/** As options. */
export const present = ({
  maxNorm,
  normType,
}: MaxNorm): { readonly maxNorm: number | null; readonly normType: number } => ({
  maxNorm: maxNorm ?? null,
  normType,
});

/** The arguments that PyTorch prints. */
export const maxNormRepr = ({ maxNorm, normType }: MaxNorm): string[] => [
  ...(maxNorm === undefined ? [] : [`max_norm=${pythonFloat(maxNorm)}`]),
  ...(normType === 2 ? [] : [`norm_type=${normType}`]),
];

const POSITIONAL = ["numEmbeddings", "embeddingDim", "paddingIdx"];
const KEYWORD_ONLY = [...MAX_NORM_NAMES, "scaleGradByFreq", "_weight", "_freeze"];

/**
 * Vectors of embeddingDim numbers for int32 indices: [...] → [..., embeddingDim] (torch.nn.Embedding).
 *
 * ```ts
 * const words = new nn.Embedding(5000, 64);
 * words.forward(tensor([[1, 2, 4], [4, 3, 2]], { dtype: "int32" })); // float32[2,3,64]
 * ```
 */
export class Embedding extends Module {
  /** The number of rows of the table. */
  readonly numEmbeddings: number;
  /** The length of a row. */
  readonly embeddingDim: number;
  /** The row that is not learned, if there is one. */
  readonly paddingIdx: number | undefined;
  /** The largest norm of rows, if given: rows that are looked up are first scaled down to it. */
  readonly maxNorm: number | undefined;
  /** Which norm that is (default: 2). */
  readonly normType: number;
  /** Whether gradients are divided by how often a row is used in a batch (default: false). */
  readonly scaleGradByFreq: boolean;
  /** [numEmbeddings, embeddingDim] */
  weight: Parameter;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    paddingIdx?: number | null | EmbeddingOptions,
    options?: EmbeddingOptions,
  );
  constructor(options: EmbeddingArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("Embedding", given, POSITIONAL, KEYWORD_ONLY);
    this.numEmbeddings = options.integer("numEmbeddings", 1);
    this.embeddingDim = options.integer("embeddingDim", 1);
    this.paddingIdx = readPaddingIdx("Embedding", options, this.numEmbeddings);
    const { maxNorm, normType } = readMaxNorm(options);
    this.maxNorm = maxNorm;
    this.normType = normType;
    this.scaleGradByFreq = options.flag("scaleGradByFreq", false);
    const isLearned = !options.flag("_freeze", false);
    this.weight = new Parameter(this.table(options.tensor("_weight")), isLearned);
  }

  /** An embedding over a table [numEmbeddings, embeddingDim], which is not learned unless `freeze` is false. */
  static fromPretrained(embeddings: Tensor, options?: boolean | PretrainedOptions): Embedding {
    const named = ["freeze", "paddingIdx", ...MAX_NORM_NAMES, "scaleGradByFreq"];
    const given = new Arguments("Embedding.fromPretrained", [options], ["freeze"], named.slice(1));
    if (embeddings.ndim !== 2) {
      throw new KilnError(
        `Embedding.fromPretrained needs a table [rows, columns] but got ${formatShape(embeddings.shape)}`,
      );
    }
    const [numEmbeddings, embeddingDim] = embeddings.shape;
    const paddingIdx = readPaddingIdx("Embedding.fromPretrained", given, numEmbeddings);
    return new Embedding({
      numEmbeddings,
      embeddingDim,
      paddingIdx: paddingIdx ?? null,
      ...present(readMaxNorm(given)),
      scaleGradByFreq: given.flag("scaleGradByFreq", false),
      _weight: embeddings,
      _freeze: given.flag("freeze", true),
    });
  }

  forward(input: Tensor): Tensor {
    const { paddingIdx = null, scaleGradByFreq } = this;
    return embedding(input, this.weight, { paddingIdx, ...present(this), scaleGradByFreq });
  }

  override extraRepr(): string {
    return [
      `${this.numEmbeddings}, ${this.embeddingDim}`,
      ...(this.paddingIdx === undefined ? [] : [`padding_idx=${this.paddingIdx}`]),
      ...maxNormRepr(this),
      ...(this.scaleGradByFreq ? ["scale_grad_by_freq=True"] : []),
    ].join(", ");
  }

  /** The table to begin with: the one given, or random numbers with zeros in the padding's row. */
  private table(given: Tensor | undefined): Tensor {
    const shape = [this.numEmbeddings, this.embeddingDim];
    if (given !== undefined) {
      if (formatShape(given.shape) === formatShape(shape)) return given;
      throw new KilnError(
        `Embedding's _weight must have the shape ${formatShape(shape)}, not ${formatShape(given.shape)}`,
      );
    }
    const table = randn(shape);
    const row = this.paddingIdx;
    if (row !== undefined) table.peek()?.fill(0, row * this.embeddingDim, (row + 1) * this.embeddingDim);
    return table;
  }
}
