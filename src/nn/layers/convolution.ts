/** What the convolution layers share: their channels and geometry, their checks and their printed text. */

import { KilnError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { defaultBias, defaultWeight } from "../default-init.ts";
import { pad } from "../functional/shape.ts";
import { Module } from "../module.ts";
import { Arguments, type Extents, pythonSize, type Rank, type Size } from "../options.ts";
import { checkPadding, type PaddingWord, readPadding, sidesOf } from "../padding.ts";
import type { Parameter } from "../parameter.ts";

/** What the padding is filled with. */
export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

/** The named arguments that a convolution layer has in addition to those of the function. */
export interface ConvolutionLayerOptions {
  /** Whether a learned bias is added (default: true). */
  readonly bias?: boolean;
  /** What the padding is filled with (default: "zeros"). */
  readonly paddingMode?: PaddingMode;
}

const POSITIONAL = [
  "inChannels",
  "outChannels",
  "kernelSize",
  "stride",
  "padding",
  "dilation",
  "groups",
  "bias",
  "paddingMode",
];

const PADDING_MODES: readonly PaddingMode[] = ["zeros", "reflect", "replicate", "circular"];

/** A layer that slides a learned kernel along `R` axes. */
export abstract class Convolution<R extends Rank> extends Module {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The extents of the learned kernel. */
  readonly kernelSize: Extents<R>;
  /** The stride along each axis. */
  readonly stride: Extents<R>;
  /** The padding on both sides of each axis. */
  readonly padding: Extents<R> | PaddingWord;
  /** The spacing of a window's elements along each axis. */
  readonly dilation: Extents<R>;
  /** The number of groups of channels, each of which is computed separately. */
  readonly groups: number;
  /** What the padding is filled with. */
  readonly paddingMode: PaddingMode;
  /** [outChannels, inChannels / groups, …kernelSize] */
  weight: Parameter;
  /** The learned bias, or `undefined` without one. */
  bias: Parameter | undefined;
  readonly #rank: R;

  constructor(callee: string, given: readonly unknown[], rank: R) {
    super();
    const options = new Arguments(callee, given, POSITIONAL);
    this.#rank = rank;
    this.inChannels = options.integer("inChannels", 1);
    this.outChannels = options.integer("outChannels", 1);
    this.kernelSize = options.extents("kernelSize", rank, 1);
    this.stride = options.extents("stride", rank, 1, 1 as Size<R>);
    this.padding = readPadding(options, rank);
    this.dilation = options.extents("dilation", rank, 1, 1 as Size<R>);
    this.groups = options.integer("groups", 1, 1);
    this.paddingMode = options.choice("paddingMode", PADDING_MODES, "zeros");
    const hasBias = options.flag("bias", true);
    checkGroups(callee, this);
    checkPadding(callee, this.padding, this.stride);
    this.weight = defaultWeight([this.outChannels, this.inChannels / this.groups, ...this.kernelSize]);
    this.bias = hasBias ? defaultBias(this.weight.shape) : undefined;
  }

  /** The input with what the mode puts around it, and the padding of zeros that is left to the convolution. */
  protected padded(x: Tensor): { readonly x: Tensor; readonly padding: Extents<R> | PaddingWord } {
    const rank = this.#rank;
    // An input of another rank is left alone: the convolution says what it should be.
    if (this.paddingMode === "zeros" || x.ndim !== rank + 2) return { x, padding: this.padding };
    const sides = sidesOf(this.padding, this.kernelSize, this.dilation);
    return { x: pad(x, sides.toReversed().flat(), this.paddingMode), padding: "valid" };
  }

  override extraRepr(): string {
    const padding = typeof this.padding === "string" ? this.padding : pythonSize(this.padding);
    const isNone = typeof this.padding !== "string" && this.padding.every((extent) => extent === 0);
    return geometryRepr(this, [
      ...(isNone ? [] : [`padding=${padding}`]),
      ...(this.dilation.every((step) => step === 1) ? [] : [`dilation=${pythonSize(this.dilation)}`]),
    ]);
  }
}

/** What the printed texts of convolutions and transposed ones have in common. */
interface Described {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly groups: number;
  bias: Parameter | undefined;
  readonly paddingMode: PaddingMode;
}

/** The printed text of a convolution around `details`, which are shown where they are not the default. */
export function geometryRepr(layer: Described, details: readonly string[]): string {
  return [
    `${layer.inChannels}, ${layer.outChannels}`,
    `kernel_size=${pythonSize(layer.kernelSize)}, stride=${pythonSize(layer.stride)}`,
    ...details,
    ...(layer.groups === 1 ? [] : [`groups=${layer.groups}`]),
    ...(layer.bias === undefined ? ["bias=False"] : []),
    ...(layer.paddingMode === "zeros" ? [] : [`padding_mode=${layer.paddingMode}`]),
  ].join(", ");
}

/** Throws unless the channels divide into the groups. */
export function checkGroups(
  callee: string,
  { inChannels, outChannels, groups }: Pick<Described, "inChannels" | "outChannels" | "groups">,
): void {
  for (const [name, channels] of Object.entries({ inChannels, outChannels })) {
    if (channels % groups !== 0) {
      throw new KilnError(`${callee}'s ${name} ${channels} must be divisible by its groups ${groups}`);
    }
  }
}
