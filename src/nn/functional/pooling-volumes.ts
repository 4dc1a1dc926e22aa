/**
 * Pooling of volumes [N,C,D,H,W]: of images first, all depths of a channel side by side, then of depths. Both steps are
 * pooling of images; a maximum of maxima, and a mean of means whose divisors multiply, is that of the whole window.
 */

import { describe } from "../../ops/definition.ts";
import { arange } from "../../tensor/creation.ts";
import { gather } from "../../tensor/lookup.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments, extentsOf, type OpenSize3d, type Pair, type Size3d } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { type AveragePool2dOptions, type PoolOptions, readAverageWindow, readWindow } from "../window.ts";
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool2d,
  MAX_NAMES,
  maxPool2d,
  type WithIndices,
} from "./pooling.ts";

/** The named arguments of {@link avgPool3d}. */
export type AveragePool3dOptions = AveragePool2dOptions<Size3d>;

/** Volumes with a batch, whether there is one or not; anything else is refused. */
function batched(callee: string, input: Tensor): Tensor {
  requireTensors(callee, { input });
  if (input.ndim !== 4 && input.ndim !== 5)
    refuse(`${callee} expects [N,C,D,H,W] or [C,D,H,W] but got ${describe(input)}`);
  return input.ndim === 5 ? input : input.unsqueeze(0);
}

/** Pools rows and columns with `plane` and then depths with `depth`, which sees them as rows of images. */
function inTwoSteps(
  callee: string,
  input: Tensor,
  plane: (images: Tensor) => Tensor,
  depth: (images: Tensor) => Tensor,
): Tensor {
  const batch = batched(callee, input);
  const [samples, channels, depths, height, width] = batch.shape;
  const planes = plane(batch.reshape([samples, channels * depths, height, width]));
  const [, , rows, columns] = planes.shape;
  const pooled = depth(planes.reshape([samples, channels, depths, rows * columns]));
  const volumes = pooled.reshape([samples, channels, pooled.shape[2], rows, columns]);
  return input.ndim === 5 ? volumes : volumes.squeeze(0);
}

/** The maxima of a pool of images, and their positions. */
type PoolWithIndices = (images: Tensor) => readonly [maxima: Tensor, indices: Tensor];

/** Like {@link inTwoSteps}, with positions: a maximum of maxima has the position of the one it is in its plane. */
function positionsInTwoSteps(
  callee: string,
  input: Tensor,
  plane: PoolWithIndices,
  depth: PoolWithIndices,
): [maxima: Tensor, indices: Tensor] {
  const batch = batched(callee, input);
  const [samples, channels, depths, height, width] = batch.shape;
  const [maxima, inPlane] = plane(batch.reshape([samples, channels * depths, height, width]));
  const [, , rows, columns] = maxima.shape;
  const slices = arange(depths, { dtype: "int32" }).mul(height * width);
  const inVolume = inPlane
    .reshape([samples, channels, depths, rows * columns])
    .add(slices.reshape([depths, 1]));
  const [values, ofDepths] = depth(maxima.reshape([samples, channels, depths, rows * columns]));
  const shape = [samples, channels, values.shape[2], rows, columns];
  const flat = gather(
    inVolume.reshape([samples, channels, depths * rows * columns]),
    2,
    ofDepths.reshape([samples, channels, values.shape[2] * rows * columns]),
  );
  const results: [Tensor, Tensor] = [values.reshape(shape), flat.reshape(shape)];
  return input.ndim === 5 ? results : [results[0].squeeze(0), results[1].squeeze(0)];
}

/** The parts of three extents for rows and columns, and for depths, which are rows of images one column wide. */
const parted = (size: Size3d, single: number): { readonly plane: Pair; readonly depth: Pair } => {
  const [depth, rows, columns] = extentsOf(size, 3);
  return { plane: [rows, columns], depth: [depth, single] };
};

/**
 * The maximum of each window of volumes (torch.nn.functional.max_pool3d). Arguments after the kernel's size may be
 * given by position or in one object, which then comes last. With `returnIndices` also the positions of the maxima:
 * `[maxima, indices]`, an index being `(z·H + y)·W + x` in its volume, int32.
 */
export function maxPool3d(
  input: Tensor,
  kernelSize: Size3d,
  stride?: Size3d | PoolOptions<Size3d>,
  padding?: Size3d | PoolOptions<Size3d>,
  dilation?: Size3d | PoolOptions<Size3d>,
  ceilMode?: boolean | PoolOptions<Size3d>,
  returnIndices?: false,
): Tensor;
export function maxPool3d(
  input: Tensor,
  kernelSize: Size3d,
  ...given: WithIndices<Size3d>
): [maxima: Tensor, indices: Tensor];
export function maxPool3d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  const options = new Arguments("maxPool3d", given, MAX_NAMES);
  const window = readWindow(options, "maxPool3d", 3);
  const [kernels, strides] = [parted(window.kernelSize, 1), parted(window.stride, 1)];
  const [paddings, dilations] = [parted(window.padding, 0), parted(window.dilation, 1)];
  const placed = (part: "plane" | "depth") => ({
    stride: strides[part],
    padding: paddings[part],
    dilation: dilations[part],
    ceilMode: window.ceilMode,
  });
  if (!options.flag("returnIndices", false)) {
    const pool = (part: "plane" | "depth") => (images: Tensor) =>
      maxPool2d(images, kernels[part], placed(part));
    return inTwoSteps("maxPool3d", input, pool("plane"), pool("depth"));
  }
  const pool = (part: "plane" | "depth") => (images: Tensor) =>
    maxPool2d(images, kernels[part], { ...placed(part), returnIndices: true });
  return positionsInTwoSteps("maxPool3d", input, pool("plane"), pool("depth"));
}

/**
 * The mean of each window of volumes (torch.nn.functional.avg_pool3d). Arguments after the kernel's size may be given
 * by position or in one object, which then comes last.
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

type OpenPlane = readonly [number | null, number | null];

/** How many windows there are to be in planes and in depth; null keeps an extent. */
function openParts(options: Arguments): { readonly plane: OpenPlane; readonly depth: OpenPlane } {
  const wanted = options.openSize("outputSize", 3, 1);
  const [depth, rows, columns] =
    wanted === null || typeof wanted === "number" ? [wanted, wanted, wanted] : wanted;
  return { plane: [rows, columns], depth: [depth, null] };
}

/**
 * The means of `outputSize` windows, as equal as may be, over volumes (torch.nn.functional.adaptive_avg_pool3d); null
 * keeps an extent.
 */
export function adaptiveAvgPool3d(input: Tensor, outputSize: OpenSize3d): Tensor {
  const size = openParts(new Arguments("adaptiveAvgPool3d", [outputSize], ["outputSize"]));
  const pool = (part: "plane" | "depth") => (images: Tensor) => adaptiveAvgPool2d(images, size[part]);
  return inTwoSteps("adaptiveAvgPool3d", input, pool("plane"), pool("depth"));
}

/**
 * The maxima of `outputSize` windows, as equal as possible, over volumes (torch.nn.functional.adaptive_max_pool3d);
 * null keeps an extent. With `returnIndices` also their positions, as for {@link maxPool3d}.
 */
export function adaptiveMaxPool3d(input: Tensor, outputSize: OpenSize3d, returnIndices?: false): Tensor;
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OpenSize3d,
  returnIndices: true | { readonly returnIndices: true },
): [maxima: Tensor, indices: Tensor];
export function adaptiveMaxPool3d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  const options = new Arguments("adaptiveMaxPool3d", given, ["outputSize", "returnIndices"]);
  const size = openParts(options);
  if (!options.flag("returnIndices", false)) {
    const pool = (part: "plane" | "depth") => (images: Tensor) => adaptiveMaxPool2d(images, size[part]);
    return inTwoSteps("adaptiveMaxPool3d", input, pool("plane"), pool("depth"));
  }
  const pool = (part: "plane" | "depth") => (images: Tensor) => adaptiveMaxPool2d(images, size[part], true);
  return positionsInTwoSteps("adaptiveMaxPool3d", input, pool("plane"), pool("depth"));
}
