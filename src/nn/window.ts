/** The arguments of a pooling window, which layers and functions read and check alike. */

import { KilnError } from "../core/errors.ts";
import { type Arguments, pairOf, type Size2d } from "./options.ts";

/** The named arguments of a pooling window; `stride` is the kernel's size unless told. */
export interface PoolOptions {
  readonly stride?: Size2d;
  readonly padding?: Size2d;
  readonly dilation?: Size2d;
  /** Whether a last window may reach beyond the padded input. */
  readonly ceilMode?: boolean;
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
