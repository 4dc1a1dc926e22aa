/** Pooling layers: they shrink images and signals and have no parameters. */

import type { Tensor } from "../../tensor/tensor.ts";
import { avgPool1d, avgPool2d, maxPool1d, maxPool2d } from "../functional/pooling.ts";
import { Module } from "../module.ts";
import { Arguments, extentsOf, type Single, type Size1d, type Size2d } from "../options.ts";
import { type AveragePool2dOptions, type AveragePoolOptions, readAverageWindow } from "../window.ts";
import {
  AVERAGE_POSITIONAL,
  AveragePool,
  averageRepr,
  MaxPool,
  type MaxPooled,
  type MaxPoolOptions,
} from "./pooling-layer.ts";

/** What {@link MaxPool1d} takes, by name. */
export interface MaxPool1dArguments<Both extends boolean = false> extends MaxPoolOptions<Size1d, Both> {
  /** The size of the window along each axis. */
  readonly kernelSize: Size1d;
}

/** What {@link MaxPool2d} takes, by name. */
export interface MaxPool2dArguments<Both extends boolean = false> extends MaxPoolOptions<Size2d, Both> {
  /** The size of the window along each axis. */
  readonly kernelSize: Size2d;
}

/** What {@link AvgPool1d} takes, by name. */
export interface AvgPool1dArguments extends AveragePoolOptions<Size1d> {
  /** The size of the window along each axis. */
  readonly kernelSize: Size1d;
}

/** What {@link AvgPool2d} takes, by name. */
export interface AvgPool2dArguments extends AveragePool2dOptions {
  /** The size of the window along each axis. */
  readonly kernelSize: Size2d;
}

/** The maximum of each window of signals [N, C, L] (torch.nn.MaxPool1d). */
export class MaxPool1d<Both extends boolean = false> extends MaxPool<1, Both> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size1d,
    stride?: Size1d | MaxPoolOptions<Size1d, Both>,
    padding?: Size1d | MaxPoolOptions<Size1d, Both>,
    dilation?: Size1d | MaxPoolOptions<Size1d, Both>,
    returnIndices?: Both | MaxPoolOptions<Size1d, Both>,
    ceilMode?: boolean,
  );
  constructor(options: MaxPool1dArguments<Both>);
  constructor(...given: unknown[]) {
    super("MaxPool1d", given, 1);
  }

  forward(x: Tensor): MaxPooled<Both> {
    const result = this.returnIndices
      ? maxPool1d(x, this.kernelSize, { ...this.placement, returnIndices: true })
      : maxPool1d(x, this.kernelSize, this.placement);
    return result as MaxPooled<Both>;
  }
}

/** The maximum of each window of images [N, C, H, W] (torch.nn.MaxPool2d). */
export class MaxPool2d<Both extends boolean = false> extends MaxPool<2, Both> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size2d,
    stride?: Size2d | MaxPoolOptions<Size2d, Both>,
    padding?: Size2d | MaxPoolOptions<Size2d, Both>,
    dilation?: Size2d | MaxPoolOptions<Size2d, Both>,
    returnIndices?: Both | MaxPoolOptions<Size2d, Both>,
    ceilMode?: boolean,
  );
  constructor(options: MaxPool2dArguments<Both>);
  constructor(...given: unknown[]) {
    super("MaxPool2d", given, 2);
  }

  forward(x: Tensor): MaxPooled<Both> {
    const result = this.returnIndices
      ? maxPool2d(x, this.kernelSize, { ...this.placement, returnIndices: true })
      : maxPool2d(x, this.kernelSize, this.placement);
    return result as MaxPooled<Both>;
  }
}

/** The mean of each window of signals [N, C, L] (torch.nn.AvgPool1d). */
export class AvgPool1d extends Module {
  /** The size of the window along each axis. */
  readonly kernelSize: Single;
  /** The stride along each axis. */
  readonly stride: Single;
  /** The padding on both sides of each axis. */
  readonly padding: Single;
  /** Whether the last window may extend beyond the padded input. */
  readonly ceilMode: boolean;
  /** Whether the padding is included in the average. */
  readonly countIncludePad: boolean;

  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size1d,
    stride?: Size1d | AveragePoolOptions<Size1d>,
    padding?: Size1d | AveragePoolOptions<Size1d>,
    ceilMode?: boolean | AveragePoolOptions<Size1d>,
    countIncludePad?: boolean | AveragePoolOptions<Size1d>,
  );
  constructor(options: AvgPool1dArguments);
  constructor(...given: unknown[]) {
    super();
    const window = readAverageWindow(new Arguments("AvgPool1d", given, AVERAGE_POSITIONAL), "AvgPool1d", 1);
    this.kernelSize = extentsOf(window.kernelSize, 1);
    this.stride = extentsOf(window.stride, 1);
    this.padding = extentsOf(window.padding, 1);
    this.ceilMode = window.ceilMode;
    this.countIncludePad = window.countIncludePad;
  }

  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.stride, this.padding, this.ceilMode, this.countIncludePad);
  }

  override extraRepr(): string {
    return averageRepr(this);
  }
}

/** The mean of each window of images [N, C, H, W] (torch.nn.AvgPool2d). */
export class AvgPool2d extends AveragePool<Size2d> {
  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size2d,
    stride?: Size2d | AveragePool2dOptions,
    padding?: Size2d | AveragePool2dOptions,
    ceilMode?: boolean | AveragePool2dOptions,
    countIncludePad?: boolean | AveragePool2dOptions,
    divisorOverride?: number | AveragePool2dOptions,
  );
  constructor(options: AvgPool2dArguments);
  constructor(...given: unknown[]) {
    const names = [...AVERAGE_POSITIONAL, "divisorOverride"];
    super(readAverageWindow(new Arguments("AvgPool2d", given, names), "AvgPool2d", 2));
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return avgPool2d(x, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride);
  }
}
