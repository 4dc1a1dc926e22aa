/** The transposed convolution layer, which makes images larger where a convolution makes them smaller. */

import type { Tensor } from "../../tensor/tensor.ts";
import { defaultBias, defaultWeight } from "../default-init.ts";
import { convTranspose2d, type TransposedConvolutionOptions } from "../functional/convolution.ts";
import { Module } from "../module.ts";
import { Arguments, type Pair, pythonSize, type Size2d } from "../options.ts";
import { checkOutputPadding } from "../padding.ts";
import type { Parameter } from "../parameter.ts";
import { checkGroups, geometryRepr } from "./convolution.ts";

export interface ConvTranspose2dOptions extends TransposedConvolutionOptions {
  /** Whether a learned bias is added; true unless told. */
  readonly bias?: boolean;
  /** PyTorch has no other for this layer. */
  readonly paddingMode?: "zeros";
}

export interface ConvTranspose2dArguments extends ConvTranspose2dOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Size2d;
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
 * Spreads images [N, inChannels, H, W] over [N, outChannels, …] (torch.nn.ConvTranspose2d). Its output size is
 * `(H - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1` along each axis.
 */
export class ConvTranspose2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly outputPadding: Pair;
  readonly groups: number;
  readonly dilation: Pair;
  readonly paddingMode: "zeros";
  /** [inChannels, outChannels / groups, rows, columns] */
  weight: Parameter;
  bias: Parameter | undefined;

  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d,
    stride?: Size2d | ConvTranspose2dOptions,
    padding?: Size2d | ConvTranspose2dOptions,
    outputPadding?: Size2d | ConvTranspose2dOptions,
    groups?: number | ConvTranspose2dOptions,
    bias?: boolean | ConvTranspose2dOptions,
    dilation?: Size2d | ConvTranspose2dOptions,
    paddingMode?: "zeros" | ConvTranspose2dOptions,
  );
  constructor(options: ConvTranspose2dArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("ConvTranspose2d", given, POSITIONAL);
    this.inChannels = options.integer("inChannels", 1);
    this.outChannels = options.integer("outChannels", 1);
    this.kernelSize = options.extents("kernelSize", 2, 1);
    this.stride = options.extents("stride", 2, 1, 1);
    this.padding = options.extents("padding", 2, 0, 0);
    this.outputPadding = options.extents("outputPadding", 2, 0, 0);
    this.groups = options.integer("groups", 1, 1);
    this.dilation = options.extents("dilation", 2, 1, 1);
    this.paddingMode = options.choice("paddingMode", ["zeros"], "zeros");
    const hasBias = options.flag("bias", true);
    checkGroups("ConvTranspose2d", this);
    checkOutputPadding("ConvTranspose2d", this.outputPadding, this);
    this.weight = defaultWeight([this.inChannels, this.outChannels / this.groups, ...this.kernelSize]);
    this.bias = hasBias ? defaultBias(this.weight.shape, this.outChannels) : undefined;
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, outputPadding, groups, dilation } = this;
    const geometry = { stride, padding, outputPadding, groups, dilation };
    return convTranspose2d(x, this.weight, this.bias, geometry);
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
