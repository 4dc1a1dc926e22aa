/** What the transposed convolution layers share: channels and geometry, checks and printed text. */

import { defaultBias, defaultWeight } from "../default-init.ts";
import type { TransposedConvolutionOptions } from "../functional/convolution.ts";
import { Module } from "../module.ts";
import { Arguments, type Extents, pythonSize, type Rank, type Size } from "../options.ts";
import { checkOutputPadding } from "../padding.ts";
import type { Parameter } from "../parameter.ts";
import { checkGroups, geometryRepr } from "./convolution.ts";

/** The named arguments of a transposed convolution over axes of the given extents. */
export interface TransposedLayerOptions<Extent> extends TransposedConvolutionOptions<Extent> {
  /** Whether a learned bias is added (default: true). */
  readonly bias?: boolean;
  /** PyTorch has no other for these layers. */
  readonly paddingMode?: "zeros";
}

const POSITIONAL = [
  "inChannels",
  "outChannels",
  "kernelSize",
  "stride",
  "padding",
  "outputPadding",
  "groups",
  "bias",
  "dilation",
  "paddingMode",
];

/**
 * A layer that spreads every input over `R` axes of the outputs. Its output size is
 * `(L - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1` along each of them.
 */
export abstract class TransposedConvolution<R extends Rank> extends Module {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The extents of the learned kernel. */
  readonly kernelSize: Extents<R>;
  /** The spacing of the input's elements in the output, along each axis. */
  readonly stride: Extents<R>;
  /** How much is cut off both sides of each axis. */
  readonly padding: Extents<R>;
  /** How much is added to the end of each axis. */
  readonly outputPadding: Extents<R>;
  /** The number of groups of channels, each of which is computed separately. */
  readonly groups: number;
  /** The spacing of a window's elements along each axis. */
  readonly dilation: Extents<R>;
  /** What the padding is filled with. */
  readonly paddingMode: "zeros";
  /** [inChannels, outChannels / groups, …kernelSize] */
  weight: Parameter;
  /** The learned bias, or `undefined` without one. */
  bias: Parameter | undefined;

  constructor(callee: string, given: readonly unknown[], rank: R) {
    super();
    const options = new Arguments(callee, given, POSITIONAL);
    const extents = (name: string, least: number): Extents<R> =>
      options.extents(name, rank, least, least as Size<R>);
    this.inChannels = options.integer("inChannels", 1);
    this.outChannels = options.integer("outChannels", 1);
    this.kernelSize = options.extents("kernelSize", rank, 1);
    this.stride = extents("stride", 1);
    this.padding = extents("padding", 0);
    this.outputPadding = extents("outputPadding", 0);
    this.groups = options.integer("groups", 1, 1);
    this.dilation = extents("dilation", 1);
    this.paddingMode = options.choice("paddingMode", ["zeros"], "zeros");
    const hasBias = options.flag("bias", true);
    checkGroups(callee, this);
    checkOutputPadding(callee, this.outputPadding, this);
    this.weight = defaultWeight([this.inChannels, this.outChannels / this.groups, ...this.kernelSize]);
    this.bias = hasBias ? defaultBias(this.weight.shape, this.outChannels) : undefined;
  }

  /** How the layer moves, as its function takes it. */
  protected get geometry() {
    const { stride, padding, outputPadding, groups, dilation } = this;
    return { stride, padding, outputPadding, groups, dilation };
  }

  override extraRepr(): string {
    const { padding, dilation, outputPadding } = this;
    return geometryRepr(this, [
      ...(padding.every((extent) => extent === 0) ? [] : [`padding=${pythonSize(padding)}`]),
      ...(dilation.every((step) => step === 1) ? [] : [`dilation=${pythonSize(dilation)}`]),
      ...(outputPadding.every((extent) => extent === 0)
        ? []
        : [`output_padding=${pythonSize(outputPadding)}`]),
    ]);
  }
}
