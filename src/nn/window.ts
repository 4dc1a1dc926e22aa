/** The arguments of a pooling window, which layers and functions read and check alike. */

import { KilnError } from "../core/errors.ts";
import { type Arguments, extentsOf, type Rank, type Size, type Size2d } from "./options.ts";

/** The named arguments of a max-pooling window (default: `stride` is the kernel's size). */
export interface PoolOptions<Extent = Size2d> {
  /** How far the window moves at a time (default: the kernel's size). */
  readonly stride?: Extent;
  /** How much is added on both sides, which never is the largest (default: 0). */
  readonly padding?: Extent;
  /** The spacing of the elements of a window (default: 1). */
  readonly dilation?: Extent;
  /** Whether the last window may extend beyond the padded input. */
  readonly ceilMode?: boolean;
}

/** The named arguments of an average-pooling window. */
export interface AveragePoolOptions<Extent = Size2d> {
  /** How far the window moves at a time (default: the kernel's size). */
  readonly stride?: Extent;
  /** How many zeros are added on both sides (default: 0). */
  readonly padding?: Extent;
  /** Whether the last window may extend beyond the padded input. */
  readonly ceilMode?: boolean;
  /** Whether the padding counts as elements that are averaged (default: true). */
  readonly countIncludePad?: boolean;
}

/** As for one axis, and what to divide a window's sum by. */
export interface AveragePool2dOptions<Extent = Size2d> extends AveragePoolOptions<Extent> {
  /** What a window's sum is divided by, instead of its number of elements. */
  readonly divisorOverride?: number;
}

/** A pooling window as the user wrote it, with PyTorch's defaults filled in. */
export interface Window<Extent = Size2d> {
  readonly kernelSize: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
  readonly dilation: Extent;
  readonly ceilMode: boolean;
}

/** An average-pooling window likewise. */
export interface AverageWindow<Extent = Size2d> extends Omit<Window<Extent>, "dilation"> {
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | undefined;
}

/** Reads and checks the arguments of a max-pooling window over `rank` axes. */
export const readWindow = <R extends Rank>(given: Arguments, callee: string, rank: R): Window<Size<R>> => ({
  ...readPlacement(given, callee, rank),
  dilation: given.size("dilation", rank, 1, 1 as Size<R>),
});

/** Reads and checks the arguments of an average-pooling window over `rank` axes. */
export function readAverageWindow<R extends Rank>(
  given: Arguments,
  callee: string,
  rank: R,
): AverageWindow<Size<R>> {
  const divisorOverride = given.has("divisorOverride")
    ? given.integer("divisorOverride", Number.NEGATIVE_INFINITY)
    : undefined;
  if (divisorOverride === 0)
    throw new KilnError(`${callee}'s divisorOverride must not be 0: it divides by it`);
  return {
    ...readPlacement(given, callee, rank),
    countIncludePad: given.flag("countIncludePad", true),
    divisorOverride,
  };
}

/** What both kinds of windows have. */
function readPlacement<R extends Rank>(
  given: Arguments,
  callee: string,
  rank: R,
): Omit<Window<Size<R>>, "dilation"> {
  const kernelSize = given.size("kernelSize", rank, 1);
  const padding = given.size("padding", rank, 0, 0 as Size<R>);
  const kernel = extentsOf(kernelSize, rank);
  if (extentsOf(padding, rank).some((extent, axis) => extent * 2 > kernel[axis])) {
    throw new KilnError(
      `${callee}'s padding ${padding} must be at most half of its kernelSize ${kernelSize}, ` +
        "so that every window meets the input",
    );
  }
  return {
    kernelSize,
    stride: given.size("stride", rank, 1, kernelSize),
    padding,
    ceilMode: given.flag("ceilMode", false),
  };
}
