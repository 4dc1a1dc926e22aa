/** Max pooling over randomly placed windows, so that the output may have any size. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  type FractionalPoolOptions,
  type FractionalPoolSettings,
  fractionalMaxPool,
  readFractionalPool,
} from "../functional/fractional-pooling.ts";
import { Module } from "../module.ts";
import type { Extents, Size, Size2d, Size3d } from "../options.ts";
import type { MaxPooled } from "./pooling-layer.ts";

/** The named arguments of a fractional pool behind the kernel's size. */
export interface FractionalLayerOptions<Extent = Size2d, Both extends boolean = false>
  extends FractionalPoolOptions<Extent> {
  /** Whether the result is `[maxima, indices]` (default: false). */
  readonly returnIndices?: Both;
}

/** What {@link FractionalPool} takes, by name. */
export interface FractionalPoolArguments<Extent = Size2d, Both extends boolean = false>
  extends FractionalLayerOptions<Extent, Both> {
  /** The size of the window along each axis. */
  readonly kernelSize: Extent;
}

abstract class FractionalMaxPool<R extends 2 | 3, Both extends boolean> extends Module {
  /** The size of the window along each axis. */
  readonly kernelSize: Extents<R>;
  /** The size of the output along each axis. */
  readonly outputSize: Extents<R> | undefined;
  /** The size of the output as a fraction of the input's. */
  readonly outputRatio: readonly number[] | undefined;
  /** Whether the indices of the maxima are returned as well. */
  readonly returnIndices: Both;
  /** The positions of the windows, if given: a buffer. */
  declare readonly _random_samples: Tensor | undefined;
  readonly #rank: R;

  constructor(callee: string, given: readonly unknown[], rank: R) {
    super();
    const settings = readFractionalPool(callee, given, rank);
    this.kernelSize = settings.kernelSize;
    this.outputSize = settings.outputSize;
    this.outputRatio = settings.outputRatio;
    this.returnIndices = settings.returnIndices as Both;
    this.#rank = rank;
    if (settings.randomSamples !== undefined) this.registerBuffer("_random_samples", settings.randomSamples);
  }

  forward(x: Tensor): MaxPooled<Both> {
    const { kernelSize, outputSize, outputRatio, returnIndices } = this;
    const settings: FractionalPoolSettings<R> = {
      kernelSize,
      outputSize,
      outputRatio,
      returnIndices,
      randomSamples: this._random_samples,
    };
    const both = fractionalMaxPool(this.constructor.name, x, this.#rank, settings);
    return (returnIndices ? both : both[0]) as MaxPooled<Both>;
  }
}

type Given<R extends 2 | 3, Both extends boolean> = [
  kernelSize: Size<R>,
  outputSize?: Size<R> | null | FractionalLayerOptions<Size<R>, Both>,
  outputRatio?: Size<R> | null | FractionalLayerOptions<Size<R>, Both>,
  returnIndices?: Both | FractionalLayerOptions<Size<R>, Both>,
  _randomSamples?: Tensor | null,
];

/** The maximum of each of some randomly placed windows of images [N,C,H,W] (torch.nn.FractionalMaxPool2d). */
export class FractionalMaxPool2d<Both extends boolean = false> extends FractionalMaxPool<2, Both> {
  constructor(...given: Given<2, Both>);
  constructor(options: FractionalPoolArguments<Size2d, Both>);
  constructor(...given: unknown[]) {
    super("FractionalMaxPool2d", given, 2);
  }
}

/** The maximum of each of some randomly placed windows of volumes [N,C,D,H,W] (torch.nn.FractionalMaxPool3d). */
export class FractionalMaxPool3d<Both extends boolean = false> extends FractionalMaxPool<3, Both> {
  constructor(...given: Given<3, Both>);
  constructor(options: FractionalPoolArguments<Size3d, Both>);
  constructor(...given: unknown[]) {
    super("FractionalMaxPool3d", given, 3);
  }
}
