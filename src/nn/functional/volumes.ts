/**
 * Convolutions of volumes [N,C,D,H,W] as functions: each depth of the result is a convolution of images whose channels
 * are those of the depths under the kernel, so that all depths are one convolution of N·D images.
 */

import { KilnError } from "../../core/errors.ts";
import { describe } from "../../ops/definition.ts";
import { pad } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";
import { Arguments, type Size3d } from "../options.ts";
import { checkOutputPadding, checkPadding, type PaddingWord, sidesOf } from "../padding.ts";
import { refuse } from "../reduction.ts";
import {
  CONVOLUTION_NAMES,
  type ConvolutionOptions,
  conv2d,
  convTranspose2d,
  readGeometry,
  TRANSPOSED_NAMES,
  type TransposedConvolutionOptions,
} from "./convolution.ts";
import { foldAxis, unfoldAxis, windowCount } from "./fold.ts";

/**
 * The convolution of volumes [N,C,D,H,W] with a weight [out, in/groups, depth, rows, columns]
 * (torch.nn.functional.conv3d). Arguments after the bias may be given by position or in one object, which then comes
 * last.
 */
export function conv3d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor,
  stride?: Size3d | ConvolutionOptions<Size3d>,
  padding?: Size3d | PaddingWord | ConvolutionOptions<Size3d>,
  dilation?: Size3d | ConvolutionOptions<Size3d>,
  groups?: number | ConvolutionOptions<Size3d>,
): Tensor {
  const options = new Arguments("conv3d", [stride, padding, dilation, groups], CONVOLUTION_NAMES);
  const { stride: steps, dilation: reach, padding: sides, groups: parts } = readGeometry(options, 3);
  checkVolumes("conv3d", input, weight, weight.shape[1] * parts);
  withOrigin(() => checkPadding("conv3d", sides, steps));
  const [out, , ...kernel] = weight.shape;
  const around = sidesOf(sides, kernel, reach);
  const isUneven = around.some(([before, after]) => before !== after);
  const x = isUneven ? pad(input, around.toReversed().flat()) : input;
  const [depthPadding, ...planePadding] = isUneven ? [0, 0, 0] : around.map(([before]) => before);
  const depth = { kernel: kernel[0], dilation: reach[0], padding: depthPadding, stride: steps[0] };
  const depths = windowCount(x.shape[2], depth);
  if (depths < 1) refuse(`conv3d's kernel [${kernel}] does not fit into ${describe(input)}`);
  const [samples, channels, , ...plane] = x.shape;
  // [N,C,D,H,W] → [N,C,k,d,H,W] → [N·d, C·k, H, W]
  const images = unfoldAxis(x, 2, depth)
    .permute(0, 3, 1, 2, 4, 5)
    .reshape([samples * depths, channels * kernel[0], ...plane]);
  const planes = weight.reshape([out, weight.shape[1] * kernel[0], kernel[1], kernel[2]]);
  const result = conv2d(images, planes, bias, {
    stride: [steps[1], steps[2]],
    padding: [planePadding[0], planePadding[1]],
    dilation: [reach[1], reach[2]],
    groups: parts,
  });
  return result.reshape([samples, depths, ...result.shape.slice(1)]).transpose(1, 2);
}

/**
 * The transposed convolution of volumes [N,C,D,H,W] with a weight [in, out/groups, depth, rows, columns]
 * (torch.nn.functional.conv_transpose3d). Arguments after the bias may be given by position or in one object.
 */
export function convTranspose3d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor,
  stride?: Size3d | TransposedConvolutionOptions<Size3d>,
  padding?: Size3d | TransposedConvolutionOptions<Size3d>,
  outputPadding?: Size3d | TransposedConvolutionOptions<Size3d>,
  groups?: number | TransposedConvolutionOptions<Size3d>,
  dilation?: Size3d | TransposedConvolutionOptions<Size3d>,
): Tensor {
  const given = [stride, padding, outputPadding, groups, dilation];
  const options = new Arguments("convTranspose3d", given, TRANSPOSED_NAMES);
  const steps = options.extents("stride", 3, 1, 1);
  const sides = options.extents("padding", 3, 0, 0);
  const added = options.extents("outputPadding", 3, 0, 0);
  const reach = options.extents("dilation", 3, 1, 1);
  const parts = options.integer("groups", 1, 1);
  checkVolumes("convTranspose3d", input, weight, weight.shape[0]);
  withOrigin(() => checkOutputPadding("convTranspose3d", added, { stride: steps, dilation: reach }));
  const [samples, channels, depths, ...plane] = input.shape;
  const [, perGroup, ...kernel] = weight.shape;
  const images = input.transpose(1, 2).reshape([samples * depths, channels, ...plane]);
  const planes = weight.reshape([channels, perGroup * kernel[0], kernel[1], kernel[2]]);
  const spread = convTranspose2d(images, planes, undefined, {
    stride: [steps[1], steps[2]],
    padding: [sides[1], sides[2]],
    outputPadding: [added[1], added[2]],
    dilation: [reach[1], reach[2]],
    groups: parts,
  });
  const extent = (depths - 1) * steps[0] - 2 * sides[0] + reach[0] * (kernel[0] - 1) + added[0] + 1;
  withOrigin(() => {
    if (extent < 1)
      throw new KilnError(`convTranspose3d's padding [${sides}] leaves nothing of ${describe(input)}`);
  });
  // [N·d, out·k, H, W] → [N,out,k,d,H,W] → [N,out,D,H,W]
  const taps = spread
    .reshape([samples, depths, perGroup * parts, kernel[0], ...spread.shape.slice(2)])
    .permute(0, 2, 3, 1, 4, 5);
  const depth = { kernel: kernel[0], dilation: reach[0], padding: sides[0], stride: steps[0] };
  const volumes = foldAxis(taps, 2, extent, depth);
  return bias === undefined ? volumes : volumes.add(bias.reshape([-1, 1, 1, 1]));
}

/** Says in terms of volumes what the convolution of images would say of those. */
function checkVolumes(callee: string, input: Tensor, weight: Tensor, channels: number): void {
  if (input.ndim === 4)
    refuse(
      `${callee} expects a batch of volumes [N,C,D,H,W] but got ${describe(input)}: add it with unsqueeze(0)`,
    );
  if (input.ndim !== 5 || weight.ndim !== 5)
    refuse(
      `${callee} expects [N,C,D,H,W] and a weight of five axes but got ${describe(input)} and ${describe(weight)}`,
    );
  if (input.shape[1] !== channels)
    refuse(
      `${callee} expects ${channels} input channels (weight ${describe(weight)}) but got ${input.shape[1]} in ${describe(input)}`,
    );
}
