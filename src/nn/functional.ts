/** The layers' computations as functions (`F`), with PyTorch's argument order and defaults. */

import { KilnError } from "../core/errors.ts";
import { apply, type Tensor } from "../tensor/tensor.ts";
import { Arguments, pairOf, type Size2d } from "./options.ts";
import { classAxis, type LossOptions, readReduction } from "./reduction.ts";
import { type PoolOptions, readWindow } from "./window.ts";

/** The named arguments of {@link conv2d}. */
export interface ConvolutionOptions {
  readonly stride?: Size2d;
  readonly padding?: Size2d;
  readonly dilation?: Size2d;
  readonly groups?: number;
}

/** `max(x, 0)`, element by element. */
export const relu = (input: Tensor): Tensor => input.relu();

/** Joins the axes `startDim`…`endDim` into one (torch.flatten). */
export const flatten = (input: Tensor, startDim = 0, endDim = -1): Tensor => input.flatten(startDim, endDim);

/** `input·weightᵀ + bias` over the last axis; the weight is [out, in]. */
export const linear = (input: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
  apply("linear", bias === undefined ? [input, weight] : [input, weight, bias]);

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

/**
 * The maximum of each window of images [N,C,H,W]; windows follow each other without overlap unless `stride` is
 * told. What follows the kernel's size may be given by position or in one object, which then comes last.
 */
export function maxPool2d(
  input: Tensor,
  kernelSize: Size2d,
  stride?: Size2d | PoolOptions,
  padding?: Size2d | PoolOptions,
  dilation?: Size2d | PoolOptions,
  ceilMode?: boolean | PoolOptions,
): Tensor {
  const names = ["kernelSize", "stride", "padding", "dilation", "ceilMode"];
  const window = readWindow(
    new Arguments("maxPool2d", [kernelSize, stride, padding, dilation, ceilMode], names),
    "maxPool2d",
  );
  return apply("max_pool2d", [input], {
    kernel: pairOf(window.kernelSize),
    stride: pairOf(window.stride),
    padding: pairOf(window.padding),
    dilation: pairOf(window.dilation),
    ceilMode: window.ceilMode,
  });
}

/** `x - log Σ e^x` along `dim`. */
export const logSoftmax = (input: Tensor, dim: number): Tensor => input.logSoftmax(dim);

/** The negative log-probability of each target class; classes stand on axis 1, targets are int32. */
export const nllLoss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("nll_loss", [input, target], readReduction("nllLoss", options));

/** `logSoftmax` over the classes (axis 1, or axis 0 of a single sample), then `nllLoss`. */
export function crossEntropy(input: Tensor, target: Tensor, options?: LossOptions): Tensor {
  if (input.ndim === 0)
    throw new KilnError("crossEntropy expects scores [N,C,…] or [C] but got a single number");
  const reduction = readReduction("crossEntropy", options);
  return apply("nll_loss", [logSoftmax(input, classAxis(input.ndim)), target], reduction);
}

/** The squared difference. */
export const mseLoss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("mse_loss", [input, target], readReduction("mseLoss", options));

/** The absolute difference. */
export const l1Loss = (input: Tensor, target: Tensor, options?: LossOptions): Tensor =>
  apply("l1_loss", [input, target], readReduction("l1Loss", options));
