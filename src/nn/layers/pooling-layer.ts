/** What pooling layers share, over however many axes: their window, read and checked, and its printed text. */

import { Module } from "../module.ts";
import { pythonFlag, pythonSize, type Size1d, type Size2d, type Size3d } from "../options.ts";
import type { AverageWindow, Window } from "../window.ts";

type AnySize = Size1d | Size2d | Size3d;

/** The names of arguments that may be given by position. */
export const MAX_POSITIONAL = ["kernelSize", "stride", "padding", "dilation"];
export const AVERAGE_POSITIONAL = ["kernelSize", "stride", "padding", "ceilMode", "countIncludePad"];

export abstract class MaxPool<Extent extends AnySize> extends Module implements Window<Extent> {
  readonly kernelSize: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
  readonly dilation: Extent;
  readonly ceilMode: boolean;

  constructor(window: Window<Extent>) {
    super();
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.dilation = window.dilation;
    this.ceilMode = window.ceilMode;
  }

  override extraRepr(): string {
    return (
      `kernel_size=${pythonSize(this.kernelSize)}, stride=${pythonSize(this.stride)}, ` +
      `padding=${pythonSize(this.padding)}, dilation=${pythonSize(this.dilation)}, ` +
      `ceil_mode=${pythonFlag(this.ceilMode)}`
    );
  }
}

/** A layer that averages, over as many axes as can be told what to divide by. */
export abstract class AveragePool<Extent extends AnySize> extends Module implements AverageWindow<Extent> {
  readonly kernelSize: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | undefined;

  constructor(window: AverageWindow<Extent>) {
    super();
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.ceilMode = window.ceilMode;
    this.countIncludePad = window.countIncludePad;
    this.divisorOverride = window.divisorOverride;
  }

  override extraRepr(): string {
    return averageRepr(this);
  }
}

/** PyTorch's text, which leaves out how the mean counts. */
export const averageRepr = ({
  kernelSize,
  stride,
  padding,
}: Readonly<Record<"kernelSize" | "stride" | "padding", AnySize>>): string =>
  `kernel_size=${pythonSize(kernelSize)}, stride=${pythonSize(stride)}, padding=${pythonSize(padding)}`;
