/** The one-dimensional transposed convolution layer, which makes its input larger where a convolution makes it smaller. */

import type { Tensor } from "../../tensor/tensor.ts";
import { convTranspose1d } from "../functional/convolution.ts";
import type { Size1d } from "../options.ts";
import { TransposedConvolution, type TransposedLayerOptions } from "./transposed-convolution.ts";

/** The options of {@link ConvTranspose1d}. */
export type ConvTranspose1dOptions = TransposedLayerOptions<Size1d>;

/** What {@link ConvTranspose1d} takes, by name. */
export interface ConvTranspose1dArguments extends ConvTranspose1dOptions {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Size1d;
}

/** Spreads signals [N, inChannels, L] over [N, outChannels, …] (torch.nn.ConvTranspose1d). */
export class ConvTranspose1d extends TransposedConvolution<1> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size1d,
    stride?: Size1d | ConvTranspose1dOptions,
    padding?: Size1d | ConvTranspose1dOptions,
    outputPadding?: Size1d | ConvTranspose1dOptions,
    groups?: number | ConvTranspose1dOptions,
    bias?: boolean | ConvTranspose1dOptions,
    dilation?: Size1d | ConvTranspose1dOptions,
    paddingMode?: "zeros" | ConvTranspose1dOptions,
  );
  constructor(options: ConvTranspose1dArguments);
  constructor(...given: unknown[]) {
    super("ConvTranspose1d", given, 1);
  }

  forward(x: Tensor): Tensor {
    return convTranspose1d(x, this.weight, this.bias, this.geometry);
  }
}
