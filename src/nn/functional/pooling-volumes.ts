/**
 * Pooling of volumes [N,C,D,H,W]: of images first, all depths of a channel side by side, then of depths. Both steps are
 * pooling of images; a maximum of maxima, and a mean of means whose divisors multiply, is that of the whole window.
 */

import { describe } from "../../ops/definition.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments, extentsOf, type OpenSize3d, type Pair, type Size3d } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { type AveragePool2dOptions, type PoolOptions, readAverageWindow, readWindow } from "../window.ts";
import { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, maxPool2d } from "./pooling.ts";

/** The named arguments of {@link avgPool3d}. */
export type AveragePool3dOptions = AveragePool2dOptions<Size3d>;

/** Pools rows and columns with `plane` and then depths with `depth`, which sees them as rows of images. */
function inTwoSteps(
  callee: string,
  input: Tensor,
  plane: (images: Tensor) => Tensor,
  depth: (images: Tensor) => Tensor,
): Tensor {
  requireTensors(callee, { input });
  if (input.ndim !== 4 && input.ndim !== 5)
    refuse(`${callee} expects [N,C,D,H,W] or [C,D,H,W] but got ${describe(input)}`);
  const batch = input.ndim === 5 ? input : input.unsqueeze(0);
  const [samples, channels, depths, height, width] = batch.shape;
  const planes = plane(batch.reshape([samples, channels * depths, height, width]));
  const [, , rows, columns] = planes.shape;
  const pooled = depth(planes.reshape([samples, channels, depths, rows * columns]));
  const volumes = pooled.reshape([samples, channels, pooled.shape[2], rows, columns]);
  return input.ndim === 5 ? volumes : volumes.squeeze(0);
}

/** The parts of three extents for rows and columns, and for depths, which are rows of images one column wide. */
const parted = (size: Size3d, single: number): { readonly plane: Pair; readonly depth: Pair } => {
  const [depth, rows, columns] = extentsOf(size, 3);
  return { plane: [rows, columns], depth: [depth, single] };
};

/**
 * The maximum of each window of volumes (torch.nn.functional.max_pool3d). What follows the kernel's size may be given by
 * position or in one object, which then comes last.
 */
export function maxPool3d(
  input: Tensor,
  kernelSize: Size3d,
  stride?: Size3d | PoolOptions<Size3d>,
  padding?: Size3d | PoolOptions<Size3d>,
  dilation?: Size3d | PoolOptions<Size3d>,
  ceilMode?: boolean | PoolOptions<Size3d>,
): Tensor {
  const names = ["kernelSize", "stride", "padding", "dilation", "ceilMode"];
  const options = new Arguments("maxPool3d", [kernelSize, stride, padding, dilation, ceilMode], names);
  const window = readWindow(options, "maxPool3d", 3);
  const [kernels, strides] = [parted(window.kernelSize, 1), parted(window.stride, 1)];
  const [paddings, dilations] = [parted(window.padding, 0), parted(window.dilation, 1)];
  const pool = (part: "plane" | "depth") => (images: Tensor) =>
    maxPool2d(images, kernels[part], {
      stride: strides[part],
      padding: paddings[part],
      dilation: dilations[part],
      ceilMode: window.ceilMode,
    });
  return inTwoSteps("maxPool3d", input, pool("plane"), pool("depth"));
}

/**
 * The mean of each window of volumes (torch.nn.functional.avg_pool3d). What follows the kernel's size may be given by
 * position or in one object, which then comes last.
 */
export function avgPool3d(
  input: Tensor,
  kernelSize: Size3d,
  stride?: Size3d | AveragePool3dOptions,
  padding?: Size3d | AveragePool3dOptions,
  ceilMode?: boolean | AveragePool3dOptions,
  countIncludePad?: boolean | AveragePool3dOptions,
  divisorOverride?: number | AveragePool3dOptions,
): Tensor {
  const names = ["kernelSize", "stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"];
  const given = [kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride];
  const window = readAverageWindow(new Arguments("avgPool3d", given, names), "avgPool3d", 3);
  const kernels = parted(window.kernelSize, 1);
  const [strides, paddings] = [parted(window.stride, 1), parted(window.padding, 0)];
  const { ceilMode: ceil, countIncludePad: counts, divisorOverride: divisor } = window;
  const pool = (part: "plane" | "depth") => (images: Tensor) =>
    avgPool2d(images, kernels[part], {
      stride: strides[part],
      padding: paddings[part],
      ceilMode: ceil,
      countIncludePad: counts,
      ...(divisor === undefined ? {} : { divisorOverride: part === "plane" ? 1 : divisor }),
    });
  return inTwoSteps("avgPool3d", input, pool("plane"), pool("depth"));
}

/** Pools to as many windows as `outputSize` says, as equal as may be; null keeps an extent. */
function adaptive(
  callee: string,
  input: Tensor,
  outputSize: OpenSize3d,
  pool: (images: Tensor, size: readonly [number | null, number | null]) => Tensor,
): Tensor {
  const wanted = new Arguments(callee, [outputSize], ["outputSize"]).openSize("outputSize", 3, 1);
  const [depth, rows, columns] =
    wanted === null || typeof wanted === "number" ? [wanted, wanted, wanted] : wanted;
  return inTwoSteps(
    callee,
    input,
    (images) => pool(images, [rows, columns]),
    (images) => pool(images, [depth, null]),
  );
}

/** The means of `outputSize` windows over volumes (torch.nn.functional.adaptive_avg_pool3d); null keeps an extent. */
export const adaptiveAvgPool3d = (input: Tensor, outputSize: OpenSize3d): Tensor =>
  adaptive("adaptiveAvgPool3d", input, outputSize, adaptiveAvgPool2d);

/** The maxima of `outputSize` windows over volumes (torch.nn.functional.adaptive_max_pool3d); null keeps an extent. */
export const adaptiveMaxPool3d = (input: Tensor, outputSize: OpenSize3d): Tensor =>
  adaptive("adaptiveMaxPool3d", input, outputSize, adaptiveMaxPool2d);
