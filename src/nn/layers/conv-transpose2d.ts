/** The two-dimensional transposed convolution layer, which makes its input larger where a convolution makes it smaller. */

import type { Tensor } from "../../tensor/tensor.ts";
import { convTranspose2d } from "../functional/convolution.ts";
import type { Size2d } from "../options.ts";
import { TransposedConvolution, type TransposedLayerOptions } from "./transposed-convolution.ts";

/** The options of {@link ConvTranspose2d}. */
export type ConvTranspose2dOptions = TransposedLayerOptions<Size2d>;

/** What {@link ConvTranspose2d} takes, by name. */
export interface ConvTranspose2dArguments extends ConvTranspose2dOptions {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Size2d;
}

/** Spreads images [N, inChannels, H, W] over [N, outChannels, …] (torch.nn.ConvTranspose2d). */
export class ConvTranspose2d extends TransposedConvolution<2> {
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
    super("ConvTranspose2d", given, 2);
  }

  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.geometry);
  }
}
