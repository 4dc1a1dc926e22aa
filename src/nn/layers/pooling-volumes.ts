/** Pooling layers of volumes [N,C,D,H,W]. */

import type { Tensor } from "../../tensor/tensor.ts";
import { type AveragePool3dOptions, avgPool3d, maxPool3d } from "../functional/pooling-volumes.ts";
import { Arguments, type Size3d } from "../options.ts";
import { readAverageWindow } from "../window.ts";
import {
  AVERAGE_POSITIONAL,
  AveragePool,
  MaxPool,
  type MaxPooled,
  type MaxPoolOptions,
} from "./pooling-layer.ts";

/** What {@link MaxPool3d} takes, by name. */
export interface MaxPool3dArguments<Both extends boolean = false> extends MaxPoolOptions<Size3d, Both> {
  /** The size of the window along each axis. */
  readonly kernelSize: Size3d;
}

/** The maximum of each window of volumes [N,C,D,H,W] (torch.nn.MaxPool3d). */
export class MaxPool3d<Both extends boolean = false> extends MaxPool<3, Both> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size3d,
    stride?: Size3d | MaxPoolOptions<Size3d, Both>,
    padding?: Size3d | MaxPoolOptions<Size3d, Both>,
    dilation?: Size3d | MaxPoolOptions<Size3d, Both>,
    returnIndices?: Both | MaxPoolOptions<Size3d, Both>,
    ceilMode?: boolean,
  );
  constructor(options: MaxPool3dArguments<Both>);
  constructor(...given: unknown[]) {
    super("MaxPool3d", given, 3);
  }

  forward(x: Tensor): MaxPooled<Both> {
    const result = this.returnIndices
      ? maxPool3d(x, this.kernelSize, { ...this.placement, returnIndices: true })
      : maxPool3d(x, this.kernelSize, this.placement);
    return result as MaxPooled<Both>;
  }
}

/** What {@link AvgPool3d} takes, by name. */
export interface AvgPool3dArguments extends AveragePool3dOptions {
  /** The size of the window along each axis. */
  readonly kernelSize: Size3d;
}

/** The mean of each window of volumes [N,C,D,H,W] (torch.nn.AvgPool3d). */
export class AvgPool3d extends AveragePool<Size3d> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size3d,
    stride?: Size3d | AveragePool3dOptions,
    padding?: Size3d | AveragePool3dOptions,
    ceilMode?: boolean | AveragePool3dOptions,
    countIncludePad?: boolean | AveragePool3dOptions,
    divisorOverride?: number | AveragePool3dOptions,
  );
  constructor(options: AvgPool3dArguments);
  constructor(...given: unknown[]) {
    const names = [...AVERAGE_POSITIONAL, "divisorOverride"];
    super(readAverageWindow(new Arguments("AvgPool3d", given, names), "AvgPool3d", 3));
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return avgPool3d(x, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride);
  }
}
