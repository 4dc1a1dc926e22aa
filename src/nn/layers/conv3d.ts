/** The three-dimensional convolution layer. */

import type { Tensor } from "../../tensor/tensor.ts";
import type { ConvolutionOptions } from "../functional/convolution.ts";
import { conv3d } from "../functional/volumes.ts";
import type { Size3d } from "../options.ts";
import type { PaddingWord } from "../padding.ts";
import { Convolution, type ConvolutionLayerOptions, type PaddingMode } from "./convolution.ts";

/** The options of {@link Conv3d}. */
export interface Conv3dOptions extends ConvolutionOptions<Size3d>, ConvolutionLayerOptions {}

/** What {@link Conv3d} takes, by name. */
export interface Conv3dArguments extends Conv3dOptions {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Size3d;
}

/** Convolves volumes [N, inChannels, D, H, W] into [N, outChannels, …] (torch.nn.Conv3d). */
export class Conv3d extends Convolution<3> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size3d,
    stride?: Size3d | Conv3dOptions,
    padding?: Size3d | PaddingWord | Conv3dOptions,
    dilation?: Size3d | Conv3dOptions,
    groups?: number | Conv3dOptions,
    bias?: boolean | Conv3dOptions,
    paddingMode?: PaddingMode | Conv3dOptions,
  );
  constructor(options: Conv3dArguments);
  constructor(...given: unknown[]) {
    super("Conv3d", given, 3);
  }

  forward(x: Tensor): Tensor {
    const { stride, dilation, groups } = this;
    const { x: padded, padding } = this.padded(x);
    return conv3d(padded, this.weight, this.bias, { stride, padding, dilation, groups });
  }
}
