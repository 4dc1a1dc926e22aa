/** Convolutions as functions, with PyTorch's argument order and defaults. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { pad } from "../../tensor/rearrange.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";
import { Arguments, type Rank, type Size, type Size1d, type Size2d } from "../options.ts";
import {
  checkOutputPadding,
  checkPadding,
  type Padding,
  type PaddingWord,
  readPadding,
  sidesOf,
} from "../padding.ts";

/** The named arguments of {@link conv2d} and, with extents along one axis, of {@link conv1d}. */
export interface ConvolutionOptions<Extent = Size2d> {
  /** How far the kernel moves at a time, along each axis (default: 1). */
  readonly stride?: Extent;
  /** How much is added on both sides of each axis (default: 0); "same" keeps the extents, "valid" adds nothing. */
  readonly padding?: Extent | PaddingWord;
  /** The spacing of the elements that the kernel sees (default: 1). */
  readonly dilation?: Extent;
  /**
   * How many groups channels are divided into, each convolved by itself (default: 1); as many as channels make it
   * depthwise.
   */
  readonly groups?: number;
}

/** The named arguments of {@link convTranspose2d} and its like over other axes. */
export interface TransposedConvolutionOptions<Extent = Size2d> {
  /** The spacing of the input's elements in the output (default: 1). */
  readonly stride?: Extent;
  /** How much is cut off on both sides of each axis (default: 0). */
  readonly padding?: Extent;
  /** How much is added at the end of each axis; less than the stride or the dilation. */
  readonly outputPadding?: Extent;
  /** How many groups channels are divided into, each convolved by itself (default: 1). */
  readonly groups?: number;
  /** The spacing of the elements that the kernel sees (default: 1). */
  readonly dilation?: Extent;
}

export const CONVOLUTION_NAMES = ["stride", "padding", "dilation", "groups"];
export const TRANSPOSED_NAMES = ["stride", "padding", "outputPadding", "groups", "dilation"];

/** How a convolution moves along its axes, all defaults filled in. */
interface Geometry {
  readonly stride: readonly number[];
  readonly padding: Padding;
  readonly dilation: readonly number[];
  readonly groups: number;
}

export function readGeometry<R extends Rank>(options: Arguments, rank: R): Geometry {
  return {
    stride: options.extents("stride", rank, 1, 1 as Size<R>),
    padding: readPadding(options, rank),
    dilation: options.extents("dilation", rank, 1, 1 as Size<R>),
    groups: options.integer("groups", 1, 1),
  };
}

/**
 * The convolution of images [N,C,H,W] with a weight [out, in/groups, rows, columns]. Arguments after the bias may be
 * given by position or in one object, which then comes last.
 */
export function conv2d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor,
  stride?: Size2d | ConvolutionOptions,
  padding?: Size2d | PaddingWord | ConvolutionOptions,
  dilation?: Size2d | ConvolutionOptions,
  groups?: number | ConvolutionOptions,
): Tensor {
  const options = new Arguments("conv2d", [stride, padding, dilation, groups], CONVOLUTION_NAMES);
  return convolution("conv2d", input, weight, bias, readGeometry(options, 2));
}

/**
 * The convolution of signals [N,C,L] with a weight [out, in/groups, length], computed on images of a single row.
 * Arguments after the bias may be given by position or in one object, which then comes last.
 */
export function conv1d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor,
  stride?: Size1d | ConvolutionOptions<Size1d>,
  padding?: Size1d | PaddingWord | ConvolutionOptions<Size1d>,
  dilation?: Size1d | ConvolutionOptions<Size1d>,
  groups?: number | ConvolutionOptions<Size1d>,
): Tensor {
  const options = new Arguments("conv1d", [stride, padding, dilation, groups], CONVOLUTION_NAMES);
  const geometry = readGeometry(options, 1);
  withOrigin(() => checkSignals(input, weight, geometry.groups));
  const rows = convolution("conv1d", input.unsqueeze(2), weight.unsqueeze(2), bias, {
    ...geometry,
    stride: [1, ...geometry.stride],
    padding: typeof geometry.padding === "string" ? geometry.padding : [0, ...geometry.padding],
    dilation: [1, ...geometry.dilation],
  });
  return rows.squeeze(2);
}

/** Says in terms of signals what conv2d would say of images. */
function checkSignals(input: Tensor, weight: Tensor, groups: number): void {
  if (input.ndim === 2) {
    throw new KilnError(
      `conv1d expects a batch of signals [N,C,L] but got ${formatShape(input.shape)}: ` +
        "add the batch dimension with unsqueeze(0)",
    );
  }
  if (input.ndim !== 3 || weight.ndim !== 3) {
    throw new KilnError(
      "conv1d expects [N,C,L] and a weight [out,in,length] " +
        `but got ${formatShape(input.shape)} and ${formatShape(weight.shape)}`,
    );
  }
  const channels = weight.shape[1] * groups;
  if (input.shape[1] !== channels) {
    throw new KilnError(
      `conv1d expects ${channels} input channels (weight ${formatShape(weight.shape)}) ` +
        `but got ${input.shape[1]} in ${formatShape(input.shape)}`,
    );
  }
}

/** Convolves images once what `padding` says is done: the op pads both sides of an axis alike. */
function convolution(
  callee: string,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { stride, padding, dilation, groups }: Geometry,
): Tensor {
  withOrigin(() => checkPadding(callee, padding, stride));
  const sides = sidesOf(padding, weight.shape.slice(2), dilation);
  const surplus = sides.map(([before, after]) => after - before);
  // What is not four-dimensional goes on as it is: the op says what it should be.
  const isUneven = input.ndim === 4 && weight.ndim === 4 && surplus.some((extent) => extent > 0);
  const padded = isUneven ? pad(input, [0, surplus[1], 0, surplus[0]]) : input;
  return apply("conv2d", bias === undefined ? [padded, weight] : [padded, weight, bias], {
    stride,
    padding: sides.map(([before]) => before),
    dilation,
    groups,
  });
}

/**
 * The transposed convolution of images [N,C,H,W] with a weight [in, out/groups, rows, columns]: it spreads every
 * input over the outputs for which conv2d would read it. Arguments after the bias may be given by position or in one
 * object, which then comes last.
 */
export function convTranspose2d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor,
  stride?: Size2d | TransposedConvolutionOptions,
  padding?: Size2d | TransposedConvolutionOptions,
  outputPadding?: Size2d | TransposedConvolutionOptions,
  groups?: number | TransposedConvolutionOptions,
  dilation?: Size2d | TransposedConvolutionOptions,
): Tensor {
  const given = [stride, padding, outputPadding, groups, dilation];
  const options = new Arguments("convTranspose2d", given, TRANSPOSED_NAMES);
  const geometry = {
    stride: options.extents("stride", 2, 1, 1),
    padding: options.extents("padding", 2, 0, 0),
    dilation: options.extents("dilation", 2, 1, 1),
    groups: options.integer("groups", 1, 1),
  };
  const added = options.extents("outputPadding", 2, 0, 0);
  withOrigin(() => checkOutputPadding("convTranspose2d", added, geometry));
  const outputSize = input.shape.slice(2).map((extent, axis) => {
    const reach = geometry.dilation[axis] * (weight.shape[axis + 2] - 1) + 1;
    return (extent - 1) * geometry.stride[axis] - 2 * geometry.padding[axis] + reach + added[axis];
  });
  return apply("conv_transpose2d", bias === undefined ? [input, weight] : [input, weight, bias], {
    ...geometry,
    outputSize,
  });
}

/**
 * The transposed convolution of signals [N,C,L] with a weight [in, out/groups, length], computed on images of a single
 * row (torch.nn.functional.conv_transpose1d). Arguments after the bias may be given by position or in one object.
 */
export function convTranspose1d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor,
  stride?: Size1d | TransposedConvolutionOptions<Size1d>,
  padding?: Size1d | TransposedConvolutionOptions<Size1d>,
  outputPadding?: Size1d | TransposedConvolutionOptions<Size1d>,
  groups?: number | TransposedConvolutionOptions<Size1d>,
  dilation?: Size1d | TransposedConvolutionOptions<Size1d>,
): Tensor {
  const given = [stride, padding, outputPadding, groups, dilation];
  const options = new Arguments("convTranspose1d", given, TRANSPOSED_NAMES);
  const extent = (name: string, least: number): number => options.extents(name, 1, least, least)[0];
  const steps = { stride: [extent("stride", 1)], dilation: [extent("dilation", 1)] };
  const added = extent("outputPadding", 0);
  withOrigin(() => {
    checkOutputPadding("convTranspose1d", [added], steps);
    if (input.ndim !== 3 || weight.ndim !== 3 || input.shape[1] !== weight.shape[0])
      throw new KilnError(
        "convTranspose1d expects [N,C,L] and a weight [in,out,length] of the same channels " +
          `but got ${formatShape(input.shape)} and ${formatShape(weight.shape)}`,
      );
  });
  const rows = convTranspose2d(input.unsqueeze(2), weight.unsqueeze(2), bias, {
    stride: [1, steps.stride[0]],
    padding: [0, extent("padding", 0)],
    outputPadding: [0, added],
    groups: options.integer("groups", 1, 1),
    dilation: [1, steps.dilation[0]],
  });
  return rows.squeeze(2);
}
