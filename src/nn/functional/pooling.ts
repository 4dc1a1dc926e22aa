/** Pooling as functions, with PyTorch's argument order and defaults. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import type { Attrs } from "../../ir/types.ts";
import { MAX_POSITION } from "../../ops/max_pool2d.ts";
import { apply, resultOf } from "../../tensor/operation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";
import {
  Arguments,
  extentsOf,
  type OpenSize1d,
  type OpenSize2d,
  type Size,
  type Size1d,
  type Size2d,
} from "../options.ts";
import {
  type AveragePool2dOptions,
  type AveragePoolOptions,
  type AverageWindow,
  type PoolOptions,
  readAverageWindow,
  readWindow,
  type Window,
} from "../window.ts";

/** What max pooling takes behind its input. */
export const MAX_NAMES = ["kernelSize", "stride", "padding", "dilation", "ceilMode", "returnIndices"];
const AVERAGE_NAMES = ["kernelSize", "stride", "padding", "ceilMode", "countIncludePad"];

/** The options after the kernel's size for a pool that also returns the positions of its maxima. */
export type WithIndices<Extent> =
  | readonly [
      ...sizes: (Extent | undefined)[],
      options: PoolOptions<Extent> & { readonly returnIndices: true },
    ]
  | readonly [stride?: Extent, padding?: Extent, dilation?: Extent, ceilMode?: boolean, returnIndices?: true];

/**
 * The maximum of each window of images [N,C,H,W]; windows are adjacent unless `stride` is given. Arguments after the
 * kernel's size may be given by position or in one object, which then comes last. With `returnIndices` also the
 * positions of the maxima: `[maxima, indices]`, an index being `y·W + x` in its plane, int32.
 */
export function maxPool2d(
  input: Tensor,
  kernelSize: Size2d,
  stride?: Size2d | PoolOptions,
  padding?: Size2d | PoolOptions,
  dilation?: Size2d | PoolOptions,
  ceilMode?: boolean | PoolOptions,
  returnIndices?: false,
): Tensor;
export function maxPool2d(
  input: Tensor,
  kernelSize: Size2d,
  ...given: WithIndices<Size2d>
): [maxima: Tensor, indices: Tensor];
export function maxPool2d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  return maxPool("maxPool2d", input, 2, given);
}

/** The maximum of each window of signals [N,C,L]; as {@link maxPool2d} along one axis. */
export function maxPool1d(
  input: Tensor,
  kernelSize: Size1d,
  stride?: Size1d | PoolOptions<Size1d>,
  padding?: Size1d | PoolOptions<Size1d>,
  dilation?: Size1d | PoolOptions<Size1d>,
  ceilMode?: boolean | PoolOptions<Size1d>,
  returnIndices?: false,
): Tensor;
export function maxPool1d(
  input: Tensor,
  kernelSize: Size1d,
  ...given: WithIndices<Size1d>
): [maxima: Tensor, indices: Tensor];
export function maxPool1d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  return maxPool("maxPool1d", input, 1, given);
}

function maxPool(
  callee: string,
  input: Tensor,
  rank: 1 | 2,
  given: readonly unknown[],
): Tensor | [Tensor, Tensor] {
  const options = new Arguments(callee, given, MAX_NAMES);
  const attrs = maxAttrs(readWindow(options, callee, rank), rank);
  const both = options.flag("returnIndices", false);
  return maxima(callee, input, rank, both, (images) => apply("max_pool2d", [images], attrs));
}

/** The results of a pool with several: its maxima, and their positions if `both` are wanted. */
function maxima(
  callee: string,
  input: Tensor,
  rank: 1 | 2,
  both: boolean,
  pool: (images: Tensor) => Tensor,
): Tensor | [Tensor, Tensor] {
  const [values, indices] = pooled(callee, input, rank, (images) => {
    const all = pool(images);
    return both ? [resultOf(all, 0), resultOf(all, MAX_POSITION)] : [resultOf(all, 0)];
  });
  return both ? [values, indices] : values;
}

/**
 * The mean of each window of images [N,C,H,W]; windows are adjacent unless `stride` is given. Arguments after the
 * kernel's size may be given by position or in one object, which then comes last.
 */
export function avgPool2d(
  input: Tensor,
  kernelSize: Size2d,
  stride?: Size2d | AveragePool2dOptions,
  padding?: Size2d | AveragePool2dOptions,
  ceilMode?: boolean | AveragePool2dOptions,
  countIncludePad?: boolean | AveragePool2dOptions,
  divisorOverride?: number | AveragePool2dOptions,
): Tensor {
  const given = [kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride];
  const options = new Arguments("avgPool2d", given, [...AVERAGE_NAMES, "divisorOverride"]);
  const window = readAverageWindow(options, "avgPool2d", 2);
  return averaged("avgPool2d", input, 2, (images) => apply("avg_pool2d", [images], averageAttrs(window, 2)));
}

/** The mean of each window of signals [N,C,L]; as {@link avgPool2d} along one axis. */
export function avgPool1d(
  input: Tensor,
  kernelSize: Size1d,
  stride?: Size1d | AveragePoolOptions<Size1d>,
  padding?: Size1d | AveragePoolOptions<Size1d>,
  ceilMode?: boolean | AveragePoolOptions<Size1d>,
  countIncludePad?: boolean | AveragePoolOptions<Size1d>,
): Tensor {
  const given = [kernelSize, stride, padding, ceilMode, countIncludePad];
  const window = readAverageWindow(new Arguments("avgPool1d", given, AVERAGE_NAMES), "avgPool1d", 1);
  return averaged("avgPool1d", input, 1, (images) => apply("avg_pool2d", [images], averageAttrs(window, 1)));
}

/** The means of `outputSize` windows, as equal as may be, over images [N,C,H,W]; null keeps an extent. */
export function adaptiveAvgPool2d(input: Tensor, outputSize: OpenSize2d): Tensor {
  const size = new Arguments("adaptiveAvgPool2d", [outputSize], ["outputSize"]).openSize("outputSize", 2, 1);
  return averaged("adaptiveAvgPool2d", input, 2, (images) =>
    adaptive(images, size, "avg_pool2d", { countIncludePad: true }),
  );
}

/**
 * The maxima of `outputSize` windows, as equal as possible, over images [N,C,H,W]; null keeps an extent. With
 * `returnIndices` also their positions, as for {@link maxPool2d}.
 */
export function adaptiveMaxPool2d(input: Tensor, outputSize: OpenSize2d, returnIndices?: false): Tensor;
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OpenSize2d,
  returnIndices: true | { readonly returnIndices: true },
): [maxima: Tensor, indices: Tensor];
export function adaptiveMaxPool2d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  const options = new Arguments("adaptiveMaxPool2d", given, ["outputSize", "returnIndices"]);
  const size = options.openSize("outputSize", 2, 1);
  const both = options.flag("returnIndices", false);
  return maxima("adaptiveMaxPool2d", input, 2, both, (images) =>
    adaptive(images, size, "max_pool2d", { dilation: [1, 1] }),
  );
}

/**
 * The means of `outputSize` windows over signals [N,C,L]; null keeps the extent
 * (torch.nn.functional.adaptive_avg_pool1d).
 */
export function adaptiveAvgPool1d(input: Tensor, outputSize: OpenSize1d): Tensor {
  const size = rowSize(new Arguments("adaptiveAvgPool1d", [outputSize], ["outputSize"]));
  return averaged("adaptiveAvgPool1d", input, 1, (images) => adaptiveAvgPool2d(images, size));
}

/**
 * The maxima of `outputSize` windows over signals [N,C,L]; null keeps the extent
 * (torch.nn.functional.adaptive_max_pool1d). With `returnIndices` also their positions.
 */
export function adaptiveMaxPool1d(input: Tensor, outputSize: OpenSize1d, returnIndices?: false): Tensor;
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OpenSize1d,
  returnIndices: true | { readonly returnIndices: true },
): [maxima: Tensor, indices: Tensor];
export function adaptiveMaxPool1d(input: Tensor, ...given: readonly unknown[]): Tensor | [Tensor, Tensor] {
  const options = new Arguments("adaptiveMaxPool1d", given, ["outputSize", "returnIndices"]);
  const size = rowSize(options);
  const both = options.flag("returnIndices", false);
  const [values, indices] = pooled("adaptiveMaxPool1d", input, 1, (images) =>
    both ? adaptiveMaxPool2d(images, size, true) : [adaptiveMaxPool2d(images, size)],
  );
  return both ? [values, indices] : values;
}

/** Signals are images of one row. */
function rowSize(options: Arguments): readonly [null, number | null] {
  const wanted = options.openSize("outputSize", 1, 1);
  return [null, wanted === null || typeof wanted === "number" ? wanted : wanted[0]];
}

/** Windows of equal size are those of ordinary pooling, which fuses with the op before it. */
function adaptive(
  images: Tensor,
  wanted: OpenSize2d,
  op: "avg_pool2d" | "max_pool2d",
  ordinary: Attrs,
): Tensor {
  const open = wanted === null || typeof wanted === "number" ? [wanted, wanted] : wanted;
  const extents = images.shape.slice(2);
  const size = open.map((extent, axis) => extent ?? extents[axis]);
  if (extents.some((extent, axis) => extent % size[axis] !== 0)) {
    return apply(`adaptive_${op}`, [images], { outputSize: size });
  }
  const kernel = extents.map((extent, axis) => extent / size[axis]);
  return apply(op, [images], { ...ordinary, kernel, stride: kernel, padding: [0, 0], ceilMode: false });
}

/** One number for rows and one for columns: along one axis, rows get `single`. */
const plane = <Rank extends 1 | 2>(size: Size<Rank>, rank: Rank, single: number): readonly number[] =>
  rank === 1 ? [single, ...extentsOf(size, rank)] : extentsOf(size, rank);

const maxAttrs = <Rank extends 1 | 2>(window: Window<Size<Rank>>, rank: Rank): Attrs => ({
  kernel: plane(window.kernelSize, rank, 1),
  stride: plane(window.stride, rank, 1),
  padding: plane(window.padding, rank, 0),
  dilation: plane(window.dilation, rank, 1),
  ceilMode: window.ceilMode,
});

const averageAttrs = <Rank extends 1 | 2>(window: AverageWindow<Size<Rank>>, rank: Rank): Attrs => ({
  kernel: plane(window.kernelSize, rank, 1),
  stride: plane(window.stride, rank, 1),
  padding: plane(window.padding, rank, 0),
  ceilMode: window.ceilMode,
  countIncludePad: window.countIncludePad,
  ...(window.divisorOverride === undefined ? {} : { divisorOverride: window.divisorOverride }),
});

/** What a pool of one result gives. */
const averaged = (callee: string, input: Tensor, rank: 1 | 2, pool: (images: Tensor) => Tensor): Tensor =>
  pooled(callee, input, rank, (images) => [pool(images)])[0];

/** Pools an input as images [N,C,H,W]: signals become images of one row, and a single sample a batch of one. */
function pooled(
  callee: string,
  input: Tensor,
  rank: 1 | 2,
  pool: (images: Tensor) => readonly Tensor[],
): readonly Tensor[] {
  const isBatch = input.ndim === rank + 2;
  if (!isBatch && input.ndim !== rank + 1) {
    const layout = rank === 1 ? "[N,C,L] or [C,L]" : "[N,C,H,W] or [C,H,W]";
    return withOrigin(() => {
      throw new KilnError(`${callee} expects ${layout} but got ${formatShape(input.shape)}`);
    });
  }
  const batch = isBatch ? input : input.unsqueeze(0);
  return pool(rank === 1 ? batch.unsqueeze(2) : batch).map((result) => {
    const sized = rank === 1 ? result.squeeze(2) : result;
    return isBatch ? sized : sized.squeeze(0);
  });
}
