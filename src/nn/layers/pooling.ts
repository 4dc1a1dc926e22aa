/** Pooling layers: they shrink images and have no parameters. */

import type { Tensor } from "../../tensor/tensor.ts";
import { maxPool2d } from "../functional/pooling.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag, pythonSize, type Size2d } from "../options.ts";
import { type PoolOptions, readWindow, type Window } from "../window.ts";

export interface MaxPool2dArguments extends PoolOptions {
  readonly kernelSize: Size2d;
}

const POSITIONAL = ["kernelSize", "stride", "padding", "dilation"];

/** The maximum of each window of images [N, C, H, W] (torch.nn.MaxPool2d). */
export class MaxPool2d extends Module implements Window {
  readonly kernelSize: Size2d;
  readonly stride: Size2d;
  readonly padding: Size2d;
  readonly dilation: Size2d;
  readonly ceilMode: boolean;

  /** What follows the kernel's size may be given by position or in one object, which then comes last. */
  constructor(
    kernelSize: Size2d,
    stride?: Size2d | PoolOptions,
    padding?: Size2d | PoolOptions,
    dilation?: Size2d | PoolOptions,
    options?: PoolOptions,
  );
  constructor(options: MaxPool2dArguments);
  constructor(...given: unknown[]) {
    super();
    const window = readWindow(new Arguments("MaxPool2d", given, POSITIONAL, ["ceilMode"]), "MaxPool2d");
    this.kernelSize = window.kernelSize;
    this.stride = window.stride;
    this.padding = window.padding;
    this.dilation = window.dilation;
    this.ceilMode = window.ceilMode;
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.stride, this.padding, this.dilation, this.ceilMode);
  }

  override extraRepr(): string {
    return (
      `kernel_size=${pythonSize(this.kernelSize)}, stride=${pythonSize(this.stride)}, ` +
      `padding=${pythonSize(this.padding)}, dilation=${pythonSize(this.dilation)}, ` +
      `ceil_mode=${pythonFlag(this.ceilMode)}`
    );
  }
}
