/** The layers of a transformer: attention and two linear maps, each with a residual connection and a normalisation. */

import { Tensor } from "../../tensor/tensor.ts";
import { gelu } from "../functional/activation.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { Dropout } from "./dropout.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Linear } from "./linear.ts";
import { MultiheadAttention } from "./multihead-attention.ts";

/** The activation between the two linear maps. */
export type TransformerActivation = "relu" | "gelu" | ((input: Tensor) => Tensor);

/** The options of {@link TransformerLayer}. */
export interface TransformerLayerOptions {
  /** The number of features between the two linear maps (default: 2048). */
  readonly dimFeedforward?: number;
  /** Default: 0.1. */
  readonly dropout?: number;
  /** Default: "relu". */
  readonly activation?: TransformerActivation;
  /** Default: 1e-5. */
  readonly layerNormEps?: number;
  /** Whether sequences are [N,T,E] and not [T,N,E] (default: false). */
  readonly batchFirst?: boolean;
  /** Whether each part normalises what it is given, and not what it has added to (default: false). */
  readonly normFirst?: boolean;
  /** Whether linear maps and normalisations have biases (default: true). */
  readonly bias?: boolean;
}

/** What {@link TransformerLayer} takes, by name. */
export interface TransformerLayerArguments extends TransformerLayerOptions {
  /** The number of features at each position of a sequence. */
  readonly dModel: number;
  /** The number of attention heads. */
  readonly nhead: number;
}

/** The masks of an encoder's sequences. Bool masks are true where nothing is to be seen. */
export interface EncoderMasks {
  /** [T,T] or [N·heads,T,T]: which positions see which. */
  readonly mask?: Tensor | null;
  /** `[N,T]`: which positions are padding. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Whether positions see only those up to their own. */
  readonly isCausal?: boolean;
}

/** What may be said of the sequences that a decoder is given: those of the target, and the encoder's, the memory. */
export interface DecoderMasks {
  /** [T,T] or [N·heads,T,T]: which positions of the target see which. */
  readonly tgtMask?: Tensor | null;
  /** [T,S] or [N·heads,T,S]: which positions of the target see which of the memory. */
  readonly memoryMask?: Tensor | null;
  /** `[N,T]`: which positions of the target are padding. */
  readonly tgtKeyPaddingMask?: Tensor | null;
  /** `[N,S]`: which positions of the memory are padding. */
  readonly memoryKeyPaddingMask?: Tensor | null;
  /** Whether positions of the target see only those up to their own. */
  readonly tgtIsCausal?: boolean;
  /** Whether positions of the target see only those of the memory up to their own. */
  readonly memoryIsCausal?: boolean;
}

const REST = ["dimFeedforward", "dropout", "activation", "layerNormEps", "batchFirst", "normFirst", "bias"];

/** A layer's settings, all defaults filled in. */
export type TransformerSettings = Required<TransformerLayerArguments>;

/** The checked arguments of a layer. */
export function transformerSettings(
  given: Arguments,
  defaults?: { readonly dModel: number; readonly nhead: number },
): TransformerSettings {
  return {
    dModel: given.integer("dModel", 1, defaults?.dModel),
    nhead: given.integer("nhead", 1, defaults?.nhead),
    dimFeedforward: given.integer("dimFeedforward", 1, 2048),
    dropout: given.number("dropout", 0, 0.1),
    activation:
      given.callable<(input: Tensor) => Tensor>("activation") ??
      given.choice<"relu" | "gelu">("activation", ["relu", "gelu"], "relu"),
    layerNormEps: given.number("layerNormEps", 0, 1e-5),
    batchFirst: given.flag("batchFirst", false),
    normFirst: given.flag("normFirst", false),
    bias: given.flag("bias", true),
  };
}

const activationOf = (activation: TransformerActivation): ((input: Tensor) => Tensor) => {
  if (typeof activation === "function") return activation;
  return activation === "gelu" ? gelu : (input) => input.relu();
};

abstract class TransformerLayer extends Module {
  /** What a layer like this one is made from. */
  readonly #settings: TransformerSettings;

  constructor(settings: TransformerSettings) {
    super();
    this.#settings = settings;
  }

  /** What it was made with. */
  get settings(): TransformerSettings {
    return this.#settings;
  }

  protected attentionLayer(): MultiheadAttention {
    const { dModel, nhead, dropout, bias, batchFirst } = this.settings;
    return new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
  }

  protected normLayer(): LayerNorm {
    const { dModel, layerNormEps: eps, bias } = this.settings;
    return new LayerNorm(dModel, { eps, bias });
  }

  /** `x` with what `part` makes of it, normalised before or after. */
  protected residual(x: Tensor, norm: LayerNorm, part: (input: Tensor) => Tensor): Tensor {
    return this.settings.normFirst ? x.add(part(norm.forward(x))) : norm.forward(x.add(part(x)));
  }

  protected fedForward(x: Tensor, linear1: Linear, dropout: Dropout, linear2: Linear): Tensor {
    return linear2.forward(dropout.forward(activationOf(this.settings.activation)(linear1.forward(x))));
  }
}

/** Self-attention, then two linear maps (torch.nn.TransformerEncoderLayer). */
export class TransformerEncoderLayer extends TransformerLayer {
  /** The self-attention. */
  self_attn: MultiheadAttention;
  /** The first linear map, to `dimFeedforward` features. */
  linear1: Linear;
  /** Dropout between the two linear maps. */
  dropout: Dropout;
  /** The second linear map, back to `dModel` features. */
  linear2: Linear;
  /** The normalisation of the first part. */
  norm1: LayerNorm;
  /** The normalisation of the second part. */
  norm2: LayerNorm;
  /** Dropout of what the first part adds. */
  dropout1: Dropout;
  /** Dropout of what the second part adds. */
  dropout2: Dropout;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions);
  constructor(options: TransformerLayerArguments);
  constructor(...given: unknown[]) {
    super(transformerSettings(new Arguments("TransformerEncoderLayer", given, ["dModel", "nhead", ...REST])));
    const { dModel, dimFeedforward, dropout, bias } = this.settings;
    this.self_attn = this.attentionLayer();
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.norm1 = this.normLayer();
    this.norm2 = this.normLayer();
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  /** Sequences [T,N,E], [N,T,E] with `batchFirst`, or [T,E]; the masks come in one object, `mask` by itself too. */
  forward(src: Tensor, masks?: Tensor | EncoderMasks | null): Tensor {
    requireTensors("TransformerEncoderLayer", { src });
    const { mask, srcKeyPaddingMask, isCausal } = encoderMasks("TransformerEncoderLayer", masks);
    const attended = this.residual(src, this.norm1, (x) => {
      const options = { attnMask: mask, keyPaddingMask: srcKeyPaddingMask, isCausal, needWeights: false };
      return this.dropout1.forward(this.self_attn.forward(x, x, x, options)[0]);
    });
    return this.residual(attended, this.norm2, (x) =>
      this.dropout2.forward(this.fedForward(x, this.linear1, this.dropout, this.linear2)),
    );
  }
}

/** Self-attention, attention to the memory, then two linear maps (torch.nn.TransformerDecoderLayer). */
export class TransformerDecoderLayer extends TransformerLayer {
  /** The self-attention. */
  self_attn: MultiheadAttention;
  /** The attention to the memory, the encoder's output. */
  multihead_attn: MultiheadAttention;
  /** The first linear map, to `dimFeedforward` features. */
  linear1: Linear;
  /** Dropout between the two linear maps. */
  dropout: Dropout;
  /** The second linear map, back to `dModel` features. */
  linear2: Linear;
  /** The normalisation of the first part. */
  norm1: LayerNorm;
  /** The normalisation of the second part. */
  norm2: LayerNorm;
  /** The normalisation of the third part. */
  norm3: LayerNorm;
  /** Dropout of what the first part adds. */
  dropout1: Dropout;
  /** Dropout of what the second part adds. */
  dropout2: Dropout;
  /** Dropout of what the third part adds. */
  dropout3: Dropout;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions);
  constructor(options: TransformerLayerArguments);
  constructor(...given: unknown[]) {
    super(transformerSettings(new Arguments("TransformerDecoderLayer", given, ["dModel", "nhead", ...REST])));
    const { dModel, dimFeedforward, dropout, bias } = this.settings;
    this.self_attn = this.attentionLayer();
    this.multihead_attn = this.attentionLayer();
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.norm1 = this.normLayer();
    this.norm2 = this.normLayer();
    this.norm3 = this.normLayer();
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
  }

  /** The target's sequences [T,N,E] and the memory [S,N,E], in the layout of the encoder's layers. */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    requireTensors("TransformerDecoderLayer", { tgt, memory });
    checkNames("TransformerDecoderLayer", masks, DECODER_MASKS);
    const attended = this.residual(tgt, this.norm1, (x) => {
      const options = {
        attnMask: masks.tgtMask ?? null,
        keyPaddingMask: masks.tgtKeyPaddingMask ?? null,
        isCausal: masks.tgtIsCausal ?? false,
        needWeights: false,
      };
      return this.dropout1.forward(this.self_attn.forward(x, x, x, options)[0]);
    });
    const informed = this.residual(attended, this.norm2, (x) => {
      const options = {
        attnMask: masks.memoryMask ?? null,
        keyPaddingMask: masks.memoryKeyPaddingMask ?? null,
        isCausal: masks.memoryIsCausal ?? false,
        needWeights: false,
      };
      return this.dropout2.forward(this.multihead_attn.forward(x, memory, memory, options)[0]);
    });
    return this.residual(informed, this.norm3, (x) =>
      this.dropout3.forward(this.fedForward(x, this.linear1, this.dropout, this.linear2)),
    );
  }
}

const ENCODER_MASKS = ["mask", "srcKeyPaddingMask", "isCausal"];
export const DECODER_MASKS = [
  ...["tgtMask", "memoryMask", "tgtKeyPaddingMask", "memoryKeyPaddingMask"],
  ...["tgtIsCausal", "memoryIsCausal"],
];

/** An encoder's masks, all of them there; one tensor by itself is `mask`. */
export function encoderMasks(
  callee: string,
  masks: Tensor | EncoderMasks | null | undefined,
): Required<EncoderMasks> {
  if (masks instanceof Tensor) return { mask: masks, srcKeyPaddingMask: null, isCausal: false };
  const given = masks ?? {};
  checkNames(callee, given, ENCODER_MASKS);
  const { mask = null, srcKeyPaddingMask = null, isCausal = false } = given;
  return { mask, srcKeyPaddingMask, isCausal };
}

/** Throws where masks come in another form, or under another name. */
export function checkNames(callee: string, masks: unknown, names: readonly string[]): void {
  if (masks instanceof Tensor)
    refuse(`${callee}'s forward takes its masks in one object: { ${names[0]}: … }`);
  new Arguments(`${callee}'s forward`, [masks], [], names);
}
