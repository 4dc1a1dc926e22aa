/** Pooling as functions, with PyTorch's argument order and defaults. */

import { apply, type Tensor } from "../../tensor/tensor.ts";
import { Arguments, pairOf, type Size2d } from "../options.ts";
import { type PoolOptions, readWindow } from "../window.ts";

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
