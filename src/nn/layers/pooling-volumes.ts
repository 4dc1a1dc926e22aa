/** Pooling layers of volumes [N,C,D,H,W]. */

import type { Tensor } from "../../tensor/tensor.ts";
import { type AveragePool3dOptions, avgPool3d, maxPool3d } from "../functional/pooling-volumes.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonSize, type Size3d } from "../options.ts";
import { type PoolOptions, readAverageWindow, readWindow } from "../window.ts";

export interface MaxPool3dArguments extends PoolOptions<Size3d> {
  readonly kernelSize: Size3d;
}

/** The maximum of each window of volumes [N,C,D,H,W] (torch.nn.MaxPool3d). */
export class MaxPool3d extends Module {
  readonly kernelSize: Size3d;
  readonly stride: Size3d;
  readonly padding: Size3d;
  readonly dilation: Size3d;
  readonly ceilMode: boolean;

  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size3d,
    stride?: Size3d | PoolOptions<Size3d>,
    padding?: Size3d | PoolOptions<Size3d>,
    dilation?: Size3d | PoolOptions<Size3d>,
    options?: PoolOptions<Size3d>,
  );
  constructor(options: MaxPool3dArguments);
  constructor(...given: unknown[]) {
    super();
    const names = ["kernelSize", "stride", "padding", "dilation"];
    const window = readWindow(new Arguments("MaxPool3d", given, names, ["ceilMode"]), "MaxPool3d", 3);
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.dilation = window.dilation;
    this.ceilMode = window.ceilMode;
  }

  forward(x: Tensor): Tensor {
    return maxPool3d(x, this.kernelSize, this.stride, this.padding, this.dilation, this.ceilMode);
  }

  override extraRepr(): string {
    return (
      `kernel_size=${pythonSize(this.kernelSize)}, stride=${pythonSize(this.stride)}, ` +
      `padding=${pythonSize(this.padding)}, dilation=${pythonSize(this.dilation)}, ceil_mode=${pythonFlag(this.ceilMode)}`
    );
  }
}

export interface AvgPool3dArguments extends AveragePool3dOptions {
  readonly kernelSize: Size3d;
}

/** The mean of each window of volumes [N,C,D,H,W] (torch.nn.AvgPool3d). */
export class AvgPool3d extends Module {
  readonly kernelSize: Size3d;
  readonly stride: Size3d;
  readonly padding: Size3d;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | undefined;

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
    super();
    const names = ["kernelSize", "stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"];
    const window = readAverageWindow(new Arguments("AvgPool3d", given, names), "AvgPool3d", 3);
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.ceilMode = window.ceilMode;
    this.countIncludePad = window.countIncludePad;
    this.divisorOverride = window.divisorOverride;
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return avgPool3d(x, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride);
  }

  override extraRepr(): string {
    return (
      `kernel_size=${pythonSize(this.kernelSize)}, stride=${pythonSize(this.stride)}, ` +
      `padding=${pythonSize(this.padding)}`
    );
  }
}
