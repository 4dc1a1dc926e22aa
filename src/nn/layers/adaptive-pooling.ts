/** Pooling layers that are told the size of their result instead of their windows'. */

import type { Tensor } from "../../tensor/tensor.ts";
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from "../functional/pooling.ts";
import { Module } from "../module.ts";
import { Arguments, type OpenSize2d, pythonSize } from "../options.ts";

export interface AdaptivePool2dArguments {
  /** Extents of the result; null keeps the input's. */
  readonly outputSize: OpenSize2d;
}

abstract class AdaptivePool2d extends Module {
  readonly outputSize: OpenSize2d;

  constructor(callee: string, outputSize: OpenSize2d | AdaptivePool2dArguments) {
    super();
    this.outputSize = new Arguments(callee, [outputSize], ["outputSize"]).openSize("outputSize", 1);
  }

  override extraRepr(): string {
    return `output_size=${pythonSize(this.outputSize)}`;
  }
}

/** The means of as many windows as are asked for over images [N, C, H, W] (torch.nn.AdaptiveAvgPool2d). */
export class AdaptiveAvgPool2d extends AdaptivePool2d {
  constructor(outputSize: OpenSize2d | AdaptivePool2dArguments) {
    super("AdaptiveAvgPool2d", outputSize);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}

/** The maxima of as many windows as are asked for over images [N, C, H, W] (torch.nn.AdaptiveMaxPool2d). */
export class AdaptiveMaxPool2d extends AdaptivePool2d {
  constructor(outputSize: OpenSize2d | AdaptivePool2dArguments) {
    super("AdaptiveMaxPool2d", outputSize);
  }

  forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, this.outputSize);
  }
}
