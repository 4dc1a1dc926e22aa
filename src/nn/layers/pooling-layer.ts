/** What pooling layers share, over however many axes: their window, read and checked, and its printed text. */

import type { Tensor } from "../../tensor/tensor.ts";
import { Module } from "../module.ts";
import {
  Arguments,
  pythonFlag,
  pythonSize,
  type Rank,
  type Size,
  type Size1d,
  type Size2d,
  type Size3d,
} from "../options.ts";
import { type AverageWindow, type PoolOptions, readWindow, type Window } from "../window.ts";

type AnySize = Size1d | Size2d | Size3d;

/** The names of arguments that may be given by position. */
const MAX_POSITIONAL = ["kernelSize", "stride", "padding", "dilation", "returnIndices", "ceilMode"];
export const AVERAGE_POSITIONAL = ["kernelSize", "stride", "padding", "ceilMode", "countIncludePad"];

/** The named arguments of a layer that takes maxima. */
export interface MaxPoolOptions<Extent = Size2d, Both extends boolean = false> extends PoolOptions<Extent> {
  /** Whether it gives `[maxima, indices]`, as unpooling takes them (default: false). */
  readonly returnIndices?: Both;
}

/** The results of a max-pooling layer: with `returnIndices` also the positions. */
export type MaxPooled<Both extends boolean> = Both extends true ? [maxima: Tensor, indices: Tensor] : Tensor;

export abstract class MaxPool<R extends Rank, Both extends boolean>
  extends Module
  implements Window<Size<R>>
{
  /** The size of the window along each axis. */
  readonly kernelSize: Size<R>;
  /** The stride along each axis. */
  readonly stride: Size<R>;
  /** The padding on both sides of each axis. */
  readonly padding: Size<R>;
  /** The spacing of a window's elements along each axis. */
  readonly dilation: Size<R>;
  /** Whether the last window may extend beyond the padded input. */
  readonly ceilMode: boolean;
  /** Whether the indices of the maxima are returned as well. */
  readonly returnIndices: Both;

  constructor(callee: string, given: readonly unknown[], rank: R) {
    super();
    const options = new Arguments(callee, given, MAX_POSITIONAL);
    const window = readWindow(options, callee, rank);
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.dilation = window.dilation;
    this.ceilMode = window.ceilMode;
    this.returnIndices = options.flag("returnIndices", false) as Both;
  }

  override extraRepr(): string {
    return (
      `kernel_size=${pythonSize(this.kernelSize)}, stride=${pythonSize(this.stride)}, ` +
      `padding=${pythonSize(this.padding)}, dilation=${pythonSize(this.dilation)}, ` +
      `ceil_mode=${pythonFlag(this.ceilMode)}`
    );
  }

  /** The geometry of the windows, for the functions. */
  protected get placement(): PoolOptions<Size<R>> {
    const { stride, padding, dilation, ceilMode } = this;
    return { stride, padding, dilation, ceilMode };
  }
}

/** A layer that averages, over as many axes as allow a divisor to be given. */
export abstract class AveragePool<Extent extends AnySize> extends Module implements AverageWindow<Extent> {
  /** The size of the window along each axis. */
  readonly kernelSize: Extent;
  /** The stride along each axis. */
  readonly stride: Extent;
  /** The padding on both sides of each axis. */
  readonly padding: Extent;
  /** Whether the last window may extend beyond the padded input. */
  readonly ceilMode: boolean;
  /** Whether the padding is included in the average. */
  readonly countIncludePad: boolean;
  /** What a window's sum is divided by instead of its number of elements. */
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
