/** Layers that put the maxima of pooling back where they stood. */

import type { Tensor } from "../../tensor/tensor.ts";
import { maxUnpool, readUnpool, type UnpoolOptions, type UnpoolSettings } from "../functional/unpooling.ts";
import { Module } from "../module.ts";
import {
  type Extents,
  pythonSize,
  type Rank,
  type Size,
  type Size1d,
  type Size2d,
  type Size3d,
} from "../options.ts";

/** The named arguments of an unpooling layer behind the kernel's size. */
export type UnpoolLayerOptions<Extent = Size2d> = Omit<UnpoolOptions<Extent>, "outputSize">;

/** What {@link Unpool} takes, by name. */
export interface UnpoolArguments<Extent = Size2d> extends UnpoolLayerOptions<Extent> {
  /** The size of the window along each axis. */
  readonly kernelSize: Extent;
}

abstract class MaxUnpool<R extends Rank> extends Module implements UnpoolSettings<R> {
  /** The size of the window along each axis. */
  readonly kernelSize: Extents<R>;
  /** How far the window moved when pooling. */
  readonly stride: Extents<R>;
  /** How much was added on both sides when pooling. */
  readonly padding: Extents<R>;
  readonly #rank: R;

  constructor(callee: string, given: readonly unknown[], rank: R) {
    super();
    const settings = readUnpool(callee, given, rank);
    this.kernelSize = settings.kernelSize;
    this.stride = settings.stride;
    this.padding = settings.padding;
    this.#rank = rank;
  }

  /**
   * `indices` are those of pooling with `returnIndices`; `outputSize`
   * the extents of its input, if the windows leave them open.
   */
  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[] | null): Tensor {
    return maxUnpool(this.constructor.name, x, indices, this.#rank, this, outputSize);
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return (
      `kernel_size=${pythonSize(kernelSize)}, stride=${pythonSize(stride)}, ` +
      `padding=${pythonSize(padding)}`
    );
  }
}

type Given<R extends Rank> = [
  kernelSize: Size<R>,
  stride?: Size<R> | null | UnpoolLayerOptions<Size<R>>,
  padding?: Size<R> | UnpoolLayerOptions<Size<R>>,
];

/** Signals [N,C,L] from the maxima of windows and where they stood (torch.nn.MaxUnpool1d). */
export class MaxUnpool1d extends MaxUnpool<1> {
  constructor(...given: Given<1>);
  constructor(options: UnpoolArguments<Size1d>);
  constructor(...given: unknown[]) {
    super("MaxUnpool1d", given, 1);
  }
}

/** Images [N,C,H,W] from the maxima of windows and where they stood (torch.nn.MaxUnpool2d). */
export class MaxUnpool2d extends MaxUnpool<2> {
  constructor(...given: Given<2>);
  constructor(options: UnpoolArguments);
  constructor(...given: unknown[]) {
    super("MaxUnpool2d", given, 2);
  }
}

/** Volumes [N,C,D,H,W] from the maxima of windows and where they stood (torch.nn.MaxUnpool3d). */
export class MaxUnpool3d extends MaxUnpool<3> {
  constructor(...given: Given<3>);
  constructor(options: UnpoolArguments<Size3d>);
  constructor(...given: unknown[]) {
    super("MaxUnpool3d", given, 3);
  }
}
