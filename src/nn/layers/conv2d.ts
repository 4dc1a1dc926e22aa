/** The two-dimensional convolution layer. */

import type { Tensor } from "../../tensor/tensor.ts";
import { type ConvolutionOptions, conv2d } from "../functional/convolution.ts";
import type { Size2d } from "../options.ts";
import type { PaddingWord } from "../padding.ts";
import { Convolution, type ConvolutionLayerOptions, type PaddingMode } from "./convolution.ts";

/** The options of {@link Conv2d}. */
export interface Conv2dOptions extends ConvolutionOptions, ConvolutionLayerOptions {}

/** What {@link Conv2d} takes, by name. */
export interface Conv2dArguments extends Conv2dOptions {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Size2d;
}

/**
 * Convolves images [N, inChannels, H, W] into [N, outChannels, …] (torch.nn.Conv2d).
 *
 * ```ts
 * const layer = new nn.Conv2d(1, 8, 5, { padding: 2 });
 * layer.forward(images); // float32[64,8,28,28]
 * ```
 */
export class Conv2d extends Convolution<2> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d,
    stride?: Size2d | Conv2dOptions,
    padding?: Size2d | PaddingWord | Conv2dOptions,
    dilation?: Size2d | Conv2dOptions,
    groups?: number | Conv2dOptions,
    bias?: boolean | Conv2dOptions,
    paddingMode?: PaddingMode | Conv2dOptions,
  );
  constructor(options: Conv2dArguments);
  constructor(...given: unknown[]) {
    super("Conv2d", given, 2);
  }

  forward(x: Tensor): Tensor {
    const { stride, dilation, groups } = this;
    const { x: padded, padding } = this.padded(x);
    return conv2d(padded, this.weight, this.bias, { stride, padding, dilation, groups });
  }
}
