/** Pooling layers that are told the size of their result instead of their windows'. */

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

/** The named argument of the layers over `R` axes. */
export interface AdaptivePoolArguments<R extends Rank> {
  /** Extents of the result; null keeps the input's. */
  readonly outputSize: OpenSize<R>;
}

export type AdaptivePool2dArguments = AdaptivePoolArguments<2>;

interface AdaptivePool<R extends Rank> extends Module {
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

/** The means of as many windows as are asked for over signals [N,C,L] (torch.nn.AdaptiveAvgPool1d). */
export class AdaptiveAvgPool1d extends adaptivePool("AdaptiveAvgPool1d", 1, adaptiveAvgPool1d) {}

/** The means of as many windows as are asked for over images [N,C,H,W] (torch.nn.AdaptiveAvgPool2d). */
export class AdaptiveAvgPool2d extends adaptivePool("AdaptiveAvgPool2d", 2, adaptiveAvgPool2d) {}

/** The means of as many windows as are asked for over volumes [N,C,D,H,W] (torch.nn.AdaptiveAvgPool3d). */
export class AdaptiveAvgPool3d extends adaptivePool("AdaptiveAvgPool3d", 3, adaptiveAvgPool3d) {}

/** The maxima of as many windows as are asked for over signals [N,C,L] (torch.nn.AdaptiveMaxPool1d). */
export class AdaptiveMaxPool1d extends adaptivePool("AdaptiveMaxPool1d", 1, adaptiveMaxPool1d) {}

/** The maxima of as many windows as are asked for over images [N,C,H,W] (torch.nn.AdaptiveMaxPool2d). */
export class AdaptiveMaxPool2d extends adaptivePool("AdaptiveMaxPool2d", 2, adaptiveMaxPool2d) {}

/** The maxima of as many windows as are asked for over volumes [N,C,D,H,W] (torch.nn.AdaptiveMaxPool3d). */
export class AdaptiveMaxPool3d extends adaptivePool("AdaptiveMaxPool3d", 3, adaptiveMaxPool3d) {}
