/** Convolutions as functions, with PyTorch's argument order and defaults. */

import { apply, type Tensor } from "../../tensor/tensor.ts";
import { Arguments, type Size2d } from "../options.ts";

/** The named arguments of {@link conv2d}. */
export interface ConvolutionOptions {
  readonly stride?: Size2d;
  readonly padding?: Size2d;
  readonly dilation?: Size2d;
  readonly groups?: number;
}

/**
 * The convolution of images [N,C,H,W] with a weight [out, in/groups, rows, columns]. What follows the bias may be
 * given by position or in one object, which then comes last.
 */
export function conv2d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor,
  stride?: Size2d | ConvolutionOptions,
  padding?: Size2d | ConvolutionOptions,
  dilation?: Size2d | ConvolutionOptions,
  groups?: number | ConvolutionOptions,
): Tensor {
  const given = [stride, padding, dilation, groups];
  const options = new Arguments("conv2d", given, ["stride", "padding", "dilation", "groups"]);
  return apply("conv2d", bias === undefined ? [input, weight] : [input, weight, bias], {
    stride: options.pair("stride", 1, 1),
    padding: options.pair("padding", 0, 0),
    dilation: options.pair("dilation", 1, 1),
    groups: options.integer("groups", 1, 1),
  });
}
