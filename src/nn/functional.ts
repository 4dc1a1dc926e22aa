/** The layers' computations as functions (`F`), with PyTorch's argument order and defaults. */

import { KilnError } from "../core/errors.ts";
import { apply, type Tensor } from "../tensor/tensor.ts";
import { Arguments, pairOf, type Size2d } from "./options.ts";

/** Whether a loss is averaged, summed or left as it is. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  readonly reduction?: Reduction;
}

/** The named arguments of {@link conv2d}. */
export interface ConvolutionOptions {
  readonly stride?: Size2d;
  readonly padding?: Size2d;
  readonly dilation?: Size2d;
  readonly groups?: number;
}

/** The named arguments of {@link maxPool2d}; `stride` is the kernel's size unless told. */
export interface PoolOptions {
  readonly stride?: Size2d;
  readonly padding?: Size2d;
  readonly dilation?: Size2d;
  readonly ceilMode?: boolean;
}

export const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];

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

/** A pooling window as the user wrote it, with PyTorch's defaults filled in. */
export interface Window {
  readonly kernelSize: Size2d;
  readonly stride: Size2d;
  readonly padding: Size2d;
  readonly dilation: Size2d;
  readonly ceilMode: boolean;
}

/** Reads and checks the arguments of a pooling window. */
export function readWindow(given: Arguments, callee: string): Window {
  const kernelSize = given.size("kernelSize", 1);
  const padding = given.size("padding", 0, 0);
  const kernel = pairOf(kernelSize);
  if (pairOf(padding).some((extent, axis) => extent * 2 > kernel[axis])) {
    throw new KilnError(
      `${callee}'s padding ${padding} must be at most half of its kernelSize ${kernelSize}, ` +
        "so that every window meets the input",
    );
  }
  return {
    kernelSize,
    stride: given.size("stride", 1, kernelSize),
    padding,
    dilation: given.size("dilation", 1, 1),
    ceilMode: given.flag("ceilMode", false),
  };
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

/** The axis on which scores of `rank` dimensions have their classes. */
export const classAxis = (rank: number): number => (rank === 1 ? 0 : 1);

/** The checked option of a loss, as its op takes it. */
export function readReduction(callee: string, options?: LossOptions): { readonly reduction: Reduction } {
  const given = new Arguments(callee, [options], [], ["reduction"]);
  return { reduction: given.choice("reduction", REDUCTIONS, "mean") };
}
