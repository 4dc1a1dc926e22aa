/** The three-dimensional transposed convolution layer, which makes its input larger where a convolution makes it smaller. */

import type { Tensor } from "../../tensor/tensor.ts";
import { convTranspose3d } from "../functional/volumes.ts";
import type { Size3d } from "../options.ts";
import { TransposedConvolution, type TransposedLayerOptions } from "./transposed-convolution.ts";

/** The options of {@link ConvTranspose3d}. */
export type ConvTranspose3dOptions = TransposedLayerOptions<Size3d>;

/** What {@link ConvTranspose3d} takes, by name. */
export interface ConvTranspose3dArguments extends ConvTranspose3dOptions {
  /** The number of input channels. */
  readonly inChannels: number;
  /** The number of output channels. */
  readonly outChannels: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Size3d;
}

/** Spreads volumes [N, inChannels, D, H, W] over [N, outChannels, …] (torch.nn.ConvTranspose3d). */
export class ConvTranspose3d extends TransposedConvolution<3> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size3d,
    stride?: Size3d | ConvTranspose3dOptions,
    padding?: Size3d | ConvTranspose3dOptions,
    outputPadding?: Size3d | ConvTranspose3dOptions,
    groups?: number | ConvTranspose3dOptions,
    bias?: boolean | ConvTranspose3dOptions,
    dilation?: Size3d | ConvTranspose3dOptions,
    paddingMode?: "zeros" | ConvTranspose3dOptions,
  );
  constructor(options: ConvTranspose3dArguments);
  constructor(...given: unknown[]) {
    super("ConvTranspose3d", given, 3);
  }

  forward(x: Tensor): Tensor {
    return convTranspose3d(x, this.weight, this.bias, this.geometry);
  }
}
