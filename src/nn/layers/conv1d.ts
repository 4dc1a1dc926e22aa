/** The one-dimensional convolution layer. */

import type { Tensor } from "../../tensor/tensor.ts";
import { type ConvolutionOptions, conv1d } from "../functional/convolution.ts";
import type { Size1d } from "../options.ts";
import type { PaddingWord } from "../padding.ts";
import { Convolution, type ConvolutionLayerOptions, type PaddingMode } from "./convolution.ts";

/** The options of {@link Conv1d}. */
export interface Conv1dOptions extends ConvolutionOptions<Size1d>, ConvolutionLayerOptions {}

/** What {@link Conv1d} takes, by name. */
export interface Conv1dArguments extends Conv1dOptions {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Size1d;
}

/** Convolves signals [N, inChannels, L] into [N, outChannels, …] (torch.nn.Conv1d). */
export class Conv1d extends Convolution<1> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size1d,
    stride?: Size1d | Conv1dOptions,
    padding?: Size1d | PaddingWord | Conv1dOptions,
    dilation?: Size1d | Conv1dOptions,
    groups?: number | Conv1dOptions,
    bias?: boolean | Conv1dOptions,
    paddingMode?: PaddingMode | Conv1dOptions,
  );
  constructor(options: Conv1dArguments);
  constructor(...given: unknown[]) {
    super("Conv1d", given, 1);
  }

  forward(x: Tensor): Tensor {
    const { stride, dilation, groups } = this;
    const { x: padded, padding } = this.padded(x);
    return conv1d(padded, this.weight, this.bias, { stride, padding, dilation, groups });
  }
}
