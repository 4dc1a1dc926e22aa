/** Pooling layers whose output size is given instead of the size of their windows. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
} from "../functional/pooling.ts";
import { adaptiveAvgPool3d, adaptiveMaxPool3d } from "../functional/pooling-volumes.ts";
import { Module } from "../module.ts";
import { Arguments, type OpenSize, pythonSize, type Rank } from "../options.ts";
import type { MaxPooled } from "./pooling-layer.ts";

/** The options of the layers over `R` axes. */
export interface AdaptivePoolArguments<R extends Rank> {
  /** The size of the output; null keeps the input's. */
  readonly outputSize: OpenSize<R>;
}

/** What {@link AdaptivePool2d} takes, by name. */
export type AdaptivePool2dArguments = AdaptivePoolArguments<2>;

interface AdaptivePool<R extends Rank> extends Module {
  /** The size of the output along each axis. */
  readonly outputSize: OpenSize<R>;
  forward(x: Tensor): Tensor;
}

/** The layer that pools along `rank` axes with `pool`. */
function adaptivePool<R extends Rank>(
  callee: string,
  rank: R,
  pool: (x: Tensor, outputSize: OpenSize<R>) => Tensor,
): new (
  outputSize: OpenSize<R> | AdaptivePoolArguments<R>,
) => AdaptivePool<R> {
  return class extends Module {
    readonly outputSize: OpenSize<R>;

    constructor(outputSize: OpenSize<R> | AdaptivePoolArguments<R>) {
      super();
      this.outputSize = new Arguments(callee, [outputSize], ["outputSize"]).openSize("outputSize", rank, 1);
    }

    forward(x: Tensor): Tensor {
      return pool(x, this.outputSize);
    }

    override extraRepr(): string {
      return `output_size=${pythonSize(this.outputSize)}`;
    }
  };
}

/** The named arguments of the layers that take maxima over `R` axes. */
export interface AdaptiveMaxPoolArguments<R extends Rank, Both extends boolean = false>
  extends AdaptivePoolArguments<R> {
  /** Whether they give `[maxima, indices]`, as unpooling takes them (default: false). */
  readonly returnIndices?: Both;
}

interface AdaptiveMaxPool<R extends Rank, Both extends boolean> extends Module {
  /** The size of the output along each axis. */
  readonly outputSize: OpenSize<R>;
  /** Whether the indices of the maxima are returned as well. */
  readonly returnIndices: Both;
  forward(x: Tensor): MaxPooled<Both>;
}

/** The layer that takes maxima along `rank` axes with `pool`. */
function adaptiveMaxPool<R extends Rank>(
  callee: string,
  rank: R,
  pool: (x: Tensor, outputSize: OpenSize<R>, returnIndices: never) => Tensor | [Tensor, Tensor],
): new <Both extends boolean = false>(
  outputSize: OpenSize<R> | AdaptiveMaxPoolArguments<R, Both>,
  returnIndices?: Both | Pick<AdaptiveMaxPoolArguments<R, Both>, "returnIndices">,
) => AdaptiveMaxPool<R, Both> {
  return class<Both extends boolean = false> extends Module {
    readonly outputSize: OpenSize<R>;
    readonly returnIndices: Both;

    constructor(...given: unknown[]) {
      super();
      const options = new Arguments(callee, given, ["outputSize", "returnIndices"]);
      this.outputSize = options.openSize("outputSize", rank, 1);
      this.returnIndices = options.flag("returnIndices", false) as Both;
    }

    forward(x: Tensor): MaxPooled<Both> {
      return pool(x, this.outputSize, this.returnIndices as never) as MaxPooled<Both>;
    }

    override extraRepr(): string {
      return `output_size=${pythonSize(this.outputSize)}`;
    }
  };
}

/** The mean over each of a given number of windows of signals [N,C,L] (torch.nn.AdaptiveAvgPool1d). */
export class AdaptiveAvgPool1d extends adaptivePool("AdaptiveAvgPool1d", 1, adaptiveAvgPool1d) {}

/** The mean over each of a given number of windows of images [N,C,H,W] (torch.nn.AdaptiveAvgPool2d). */
export class AdaptiveAvgPool2d extends adaptivePool("AdaptiveAvgPool2d", 2, adaptiveAvgPool2d) {}

/** The mean over each of a given number of windows of volumes [N,C,D,H,W] (torch.nn.AdaptiveAvgPool3d). */
export class AdaptiveAvgPool3d extends adaptivePool("AdaptiveAvgPool3d", 3, adaptiveAvgPool3d) {}

/** The maximum over each of a given number of windows of signals [N,C,L] (torch.nn.AdaptiveMaxPool1d). */
export class AdaptiveMaxPool1d<Both extends boolean = false> extends adaptiveMaxPool(
  "AdaptiveMaxPool1d",
  1,
  adaptiveMaxPool1d,
)<Both> {}

/** The maximum over each of a given number of windows of images [N,C,H,W] (torch.nn.AdaptiveMaxPool2d). */
export class AdaptiveMaxPool2d<Both extends boolean = false> extends adaptiveMaxPool(
  "AdaptiveMaxPool2d",
  2,
  adaptiveMaxPool2d,
)<Both> {}

/** The maximum over each of a given number of windows of volumes [N,C,D,H,W] (torch.nn.AdaptiveMaxPool3d). */
export class AdaptiveMaxPool3d<Both extends boolean = false> extends adaptiveMaxPool(
  "AdaptiveMaxPool3d",
  3,
  adaptiveMaxPool3d,
)<Both> {}
