/** Stacks of transformer layers, and the whole transformer of encoder and decoder. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { sameShape } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { full } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { isModule } from "../brand.ts";
import { xavierUniform_ } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { LayerNorm } from "./layer-norm.ts";
import { ModuleList } from "./module-list.ts";
import {
  checkNames,
  DECODER_MASKS,
  type DecoderMasks,
  type EncoderMasks,
  encoderMasks,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
  type TransformerSettings,
  transformerSettings,
} from "./transformer-layer.ts";

/** A layer to copy, or a function that makes one: only that knows how to construct a user's own class. */
export type LayerSource<Layer> = Layer | (() => Layer);

/** `count` layers; copies of one start with its numbers, as in PyTorch. */
function layersOf<Layer extends Module & { readonly settings: TransformerSettings }>(
  callee: string,
  source: LayerSource<Layer>,
  count: number,
  kind: new (options: TransformerSettings) => Layer,
): ModuleList<Layer> {
  if (!isModule(source) && typeof source !== "function")
    throw new KilnError(
      `${callee} needs a layer to copy, or a function that makes one, not ${describeValue(source)}`,
    );
  const make = (): Layer => {
    if (!(source instanceof Module)) return source();
    if (source.constructor !== kind)
      throw new KilnError(
        `${callee} can copy ${kind.name} alone: give it a function that makes a layer, () => new ${source.constructor.name}(…)`,
      );
    const copy = new kind(source.settings);
    const numbers = new Map(source.namedParameters());
    noGrad(() => {
      for (const [name, parameter] of copy.namedParameters()) {
        const own = numbers.get(name);
        if (own === undefined || !sameShape(own.shape, parameter.shape))
          throw new KilnError(
            `${callee} cannot copy a layer whose ${name} was replaced: give it a function that makes one`,
          );
        parameter.copy_(own);
      }
    });
    return copy;
  };
  return new ModuleList(Array.from({ length: count }, make));
}

/** The normalisation at the end of a stack, if there is one. */
function requireNorm(callee: string, norm: Module<Tensor> | null | undefined): Module<Tensor> | undefined {
  if ((norm ?? undefined) === undefined || isModule(norm)) return norm ?? undefined;
  throw new KilnError(`${callee}'s norm must be an nn.Module, not ${describeValue(norm)}`);
}

/** A stack of encoder layers, with a normalisation at the end if one is given (torch.nn.TransformerEncoder). */
export class TransformerEncoder extends Module {
  /** The layers, in order. */
  layers: ModuleList<TransformerEncoderLayer>;
  /** The normalisation at the end, if there is one. */
  norm: Module<Tensor> | undefined;

  constructor(encoderLayer: LayerSource<TransformerEncoderLayer>, numLayers: number, norm?: Module<Tensor>) {
    super();
    const count = new Arguments("TransformerEncoder", [numLayers], ["numLayers"]).integer("numLayers", 1);
    this.layers = layersOf("TransformerEncoder", encoderLayer, count, TransformerEncoderLayer);
    this.norm = requireNorm("TransformerEncoder", norm);
  }

  /** Like the forward of its layers. */
  forward(src: Tensor, masks?: Tensor | EncoderMasks | null): Tensor {
    const given = encoderMasks("TransformerEncoder", masks);
    let x = src;
    for (const layer of this.layers) x = layer.forward(x, given);
    return this.norm === undefined ? x : this.norm.forward(x);
  }
}

/** A stack of decoder layers, with a normalisation at the end if one is given (torch.nn.TransformerDecoder). */
export class TransformerDecoder extends Module {
  /** The layers, in order. */
  layers: ModuleList<TransformerDecoderLayer>;
  /** The normalisation at the end, if there is one. */
  norm: Module<Tensor> | undefined;

  constructor(decoderLayer: LayerSource<TransformerDecoderLayer>, numLayers: number, norm?: Module<Tensor>) {
    super();
    const count = new Arguments("TransformerDecoder", [numLayers], ["numLayers"]).integer("numLayers", 1);
    this.layers = layersOf("TransformerDecoder", decoderLayer, count, TransformerDecoderLayer);
    this.norm = requireNorm("TransformerDecoder", norm);
  }

  /** Like the forward of its layers, all of which see the same memory. */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    checkNames("TransformerDecoder", masks, DECODER_MASKS);
    let x = tgt;
    for (const layer of this.layers) x = layer.forward(x, memory, masks);
    return this.norm === undefined ? x : this.norm.forward(x);
  }
}

/** A custom encoder of a transformer. */
export interface EncoderModule extends Module {
  forward(src: Tensor, masks: EncoderMasks): Tensor;
}

/** A custom decoder of a transformer. */
export interface DecoderModule extends Module {
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks): Tensor;
}

/** The options of {@link Transformer}. */
export interface TransformerOptions<
  Encoder extends EncoderModule = TransformerEncoder,
  Decoder extends DecoderModule = TransformerDecoder,
> extends TransformerLayerOptions {
  /** Default: 6. */
  readonly numEncoderLayers?: number;
  /** Default: 6. */
  readonly numDecoderLayers?: number;
  /** A custom encoder, whose forward takes the source and the encoder's masks. */
  readonly customEncoder?: Encoder | null;
  /** A custom decoder, whose forward takes the target, the memory and the decoder's masks. */
  readonly customDecoder?: Decoder | null;
}

/** What {@link Transformer} takes, by name. */
export interface TransformerArguments<
  Encoder extends EncoderModule = TransformerEncoder,
  Decoder extends DecoderModule = TransformerDecoder,
> extends TransformerOptions<Encoder, Decoder> {
  /** Default: 512. */
  readonly dModel?: number;
  /** Default: 8. */
  readonly nhead?: number;
}

/** The masks of a whole transformer; see {@link EncoderMasks} and {@link DecoderMasks}. */
export interface TransformerMasks extends DecoderMasks {
  /** [S,S] or [N·heads,S,S]: which positions of the source see which. */
  readonly srcMask?: Tensor | null;
  /** `[N,S]`: which positions of the source are padding. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Whether positions of the source see only those up to their own. */
  readonly srcIsCausal?: boolean;
}

const NAMES = [
  ...["dModel", "nhead", "numEncoderLayers", "numDecoderLayers", "dimFeedforward", "dropout", "activation"],
  ...["customEncoder", "customDecoder", "layerNormEps", "batchFirst", "normFirst", "bias"],
];

/**
 * An encoder and a decoder, each of which ends in a normalisation unless it is the user's own (Vaswani et al., 2017;
 * torch.nn.Transformer). All weights of more than one axis get Xavier initialisation, including those of custom parts.
 */
export class Transformer<
  Encoder extends EncoderModule = TransformerEncoder,
  Decoder extends DecoderModule = TransformerDecoder,
> extends Module {
  /** The number of features at each position of a sequence. */
  readonly dModel: number;
  /** The number of attention heads. */
  readonly nhead: number;
  /** Whether sequences are [N,T,E] and not [T,N,E]. */
  readonly batchFirst: boolean;
  /** What reads the source sequence. */
  encoder: Encoder;
  /** What makes the target sequence from what it has and the memory. */
  decoder: Decoder;

  constructor(
    dModel?: number | TransformerArguments<Encoder, Decoder>,
    nhead?: number | TransformerOptions<Encoder, Decoder>,
    options?: TransformerOptions<Encoder, Decoder>,
  );
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("Transformer", given, NAMES);
    const settings = transformerSettings(options, { dModel: 512, nhead: 8 });
    this.dModel = settings.dModel;
    this.nhead = settings.nhead;
    this.batchFirst = settings.batchFirst;
    const norm = (): LayerNorm =>
      new LayerNorm(settings.dModel, { eps: settings.layerNormEps, bias: settings.bias });
    const [encoders, decoders] = [
      options.integer("numEncoderLayers", 1, 6),
      options.integer("numDecoderLayers", 1, 6),
    ];
    // Where no part is given, its type is the default.
    this.encoder = (customPart(options, "customEncoder") ??
      new TransformerEncoder(new TransformerEncoderLayer(settings), encoders, norm())) as Encoder;
    this.decoder = (customPart(options, "customDecoder") ??
      new TransformerDecoder(new TransformerDecoderLayer(settings), decoders, norm())) as Decoder;
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter);
  }

  /**
   * The decoder's outputs for a target [T,N,E], from a source [S,N,E]; the batch first with `batchFirst`, or missing.
   */
  forward(src: Tensor, tgt: Tensor, masks: TransformerMasks = {}): Tensor {
    checkNames("Transformer", masks, ["srcMask", "srcKeyPaddingMask", "srcIsCausal", ...DECODER_MASKS]);
    this.checkInputs(src, tgt);
    const { srcMask = null, srcKeyPaddingMask = null, srcIsCausal = false, ...decoder } = masks;
    const memory = this.encoder.forward(src, { mask: srcMask, srcKeyPaddingMask, isCausal: srcIsCausal });
    return this.decoder.forward(tgt, memory, decoder);
  }

  private checkInputs(src: Tensor, tgt: Tensor): void {
    requireTensors("Transformer", { src, tgt });
    const { ndim } = src;
    const batch = this.batchFirst ? 0 : 1;
    const isFit =
      (ndim === 2 || ndim === 3) &&
      tgt.ndim === ndim &&
      (ndim === 2 || src.shape[batch] === tgt.shape[batch]) &&
      [src, tgt].every((t) => t.shape[ndim - 1] === this.dModel);
    if (isFit) return;
    const [s, t] = this.batchFirst ? ["N,S", "N,T"] : ["S,N", "T,N"];
    refuse(
      `Transformer expects a source [${s},${this.dModel}] and a target [${t},${this.dModel}], or both without the ` +
        `batch, but got ${describe(src)} and ${describe(tgt)}`,
    );
  }

  /** float32 [size,size]: 0 where a position sees another, -∞ above the diagonal, to be added to scores. */
  static generateSquareSubsequentMask(size: number): Tensor {
    if (!Number.isSafeInteger(size) || size < 1)
      return refuse(`generateSquareSubsequentMask takes a whole number of at least 1, not ${size}`);
    return full([size, size], Number.NEGATIVE_INFINITY).triu(1);
  }
}

/** The module that a user gives in place of a part. */
function customPart(given: Arguments, name: "customEncoder" | "customDecoder"): Module | undefined {
  const part = given.given(name) ?? undefined;
  if (part === undefined || isModule(part)) return part;
  throw new KilnError(`Transformer's ${name} must be an nn.Module, not ${describeValue(part)}`);
}
