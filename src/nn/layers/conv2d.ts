/** The two-dimensional convolution layer. */

import { KilnError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { defaultBias, defaultWeight } from "../default-init.ts";
import { type ConvolutionOptions, conv2d } from "../functional/convolution.ts";
import { Module } from "../module.ts";
import { Arguments, type Pair, pythonSize, type Size2d } from "../options.ts";
import type { Parameter } from "../parameter.ts";

export interface Conv2dOptions extends ConvolutionOptions {
  /** Whether a learned bias is added; true unless told. */
  readonly bias?: boolean;
}

export interface Conv2dArguments extends Conv2dOptions {
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
  "dilation",
  "groups",
  "bias",
];

/** Convolves images [N, inChannels, H, W] into [N, outChannels, …] (torch.nn.Conv2d). */
export class Conv2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  /** [outChannels, inChannels / groups, rows, columns] */
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d,
    stride?: Size2d | Conv2dOptions,
    padding?: Size2d | Conv2dOptions,
    dilation?: Size2d | Conv2dOptions,
    groups?: number | Conv2dOptions,
    bias?: boolean | Conv2dOptions,
  );
  constructor(options: Conv2dArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("Conv2d", given, POSITIONAL);
    this.inChannels = options.integer("inChannels", 1);
    this.outChannels = options.integer("outChannels", 1);
    this.kernelSize = options.pair("kernelSize", 1);
    this.stride = options.pair("stride", 1, 1);
    this.padding = options.pair("padding", 0, 0);
    this.dilation = options.pair("dilation", 1, 1);
    this.groups = options.integer("groups", 1, 1);
    const hasBias = options.flag("bias", true);
    this.checkGroups();
    this.weight = defaultWeight([this.outChannels, this.inChannels / this.groups, ...this.kernelSize]);
    this.bias = hasBias ? defaultBias(this.weight.shape) : undefined;
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    return conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups });
  }

  override extraRepr(): string {
    const { padding, dilation, groups } = this;
    return [
      `${this.inChannels}, ${this.outChannels}`,
      `kernel_size=${pythonSize(this.kernelSize)}, stride=${pythonSize(this.stride)}`,
      ...(padding.some((extent) => extent !== 0) ? [`padding=${pythonSize(padding)}`] : []),
      ...(dilation.some((extent) => extent !== 1) ? [`dilation=${pythonSize(dilation)}`] : []),
      ...(groups !== 1 ? [`groups=${groups}`] : []),
      ...(this.bias === undefined ? ["bias=False"] : []),
    ].join(", ");
  }

  private checkGroups(): void {
    const { inChannels, outChannels, groups } = this;
    for (const [name, channels] of Object.entries({ inChannels, outChannels })) {
      if (channels % groups !== 0) {
        throw new KilnError(`Conv2d's ${name} ${channels} must be divisible by its groups ${groups}`);
      }
    }
  }
}
