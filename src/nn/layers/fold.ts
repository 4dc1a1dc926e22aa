/** Layers that make columns of windows, and images of columns. */

import type { Tensor } from "../../tensor/tensor.ts";
import { fold, readFold, type UnfoldOptions, unfold } from "../functional/fold.ts";
import { Module } from "../module.ts";
import { Arguments, pythonSize, type Size2d } from "../options.ts";

/** What {@link Unfold} takes, by name. */
export interface UnfoldArguments extends UnfoldOptions {
  /** The size of the window along each axis. */
  readonly kernelSize: Size2d;
}

/** The windows of images as columns: [N,C,H,W] → [N, C·kernel, windows] (torch.nn.Unfold). */
export class Unfold extends Module {
  /** The size of the window along each axis. */
  readonly kernelSize: Size2d;
  /** The spacing of a window's elements along each axis. */
  readonly dilation: Size2d;
  /** The padding on both sides of each axis. */
  readonly padding: Size2d;
  /** The stride along each axis. */
  readonly stride: Size2d;

  constructor(
    kernelSize: Size2d | UnfoldArguments,
    dilation?: Size2d | UnfoldOptions,
    padding?: Size2d | UnfoldOptions,
    stride?: Size2d | UnfoldOptions,
  ) {
    super();
    const given = [kernelSize, dilation, padding, stride];
    const options = new Arguments("Unfold", given, ["kernelSize", "dilation", "padding", "stride"]);
    this.kernelSize = options.size("kernelSize", 2, 1);
    this.dilation = options.size("dilation", 2, 1, 1);
    this.padding = options.size("padding", 2, 0, 0);
    this.stride = options.size("stride", 2, 1, 1);
  }

  forward(x: Tensor): Tensor {
    return unfold(x, this.kernelSize, this.dilation, this.padding, this.stride);
  }

  override extraRepr(): string {
    return windowRepr(this);
  }
}

/** What {@link Fold} takes, by name. */
export interface FoldArguments extends UnfoldArguments {
  /** The size of the output along each axis. */
  readonly outputSize: Size2d;
}

/** Images from columns, overlapping windows added up: [N, C·kernel, windows] → [N,C,…outputSize] (torch.nn.Fold). */
export class Fold extends Module {
  /** The size of the output along each axis. */
  readonly outputSize: Size2d;
  /** The size of the window along each axis. */
  readonly kernelSize: Size2d;
  /** The spacing of a window's elements along each axis. */
  readonly dilation: Size2d;
  /** The padding on both sides of each axis. */
  readonly padding: Size2d;
  /** The stride along each axis. */
  readonly stride: Size2d;

  constructor(
    outputSize: Size2d | FoldArguments,
    kernelSize?: Size2d | Omit<FoldArguments, "outputSize">,
    dilation?: Size2d | UnfoldOptions,
    padding?: Size2d | UnfoldOptions,
    stride?: Size2d | UnfoldOptions,
  ) {
    super();
    const given = [outputSize, kernelSize, dilation, padding, stride];
    readFold("Fold", given);
    const names = ["outputSize", "kernelSize", "dilation", "padding", "stride"];
    const options = new Arguments("Fold", given, names);
    this.outputSize = options.size("outputSize", 2, 1);
    this.kernelSize = options.size("kernelSize", 2, 1);
    this.dilation = options.size("dilation", 2, 1, 1);
    this.padding = options.size("padding", 2, 0, 0);
    this.stride = options.size("stride", 2, 1, 1);
  }

  forward(x: Tensor): Tensor {
    return fold(x, this.outputSize, this.kernelSize, this.dilation, this.padding, this.stride);
  }

  override extraRepr(): string {
    return `output_size=${pythonSize(this.outputSize)}, ${windowRepr(this)}`;
  }
}

const windowRepr = (
  layer: Readonly<Record<"kernelSize" | "dilation" | "padding" | "stride", Size2d>>,
): string =>
  `kernel_size=${pythonSize(layer.kernelSize)}, dilation=${pythonSize(layer.dilation)}, ` +
  `padding=${pythonSize(layer.padding)}, stride=${pythonSize(layer.stride)}`;
