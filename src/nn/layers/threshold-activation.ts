/** Activation layers that cut: gates, bounds, thresholds and what shrinks towards 0. */

import { describe } from "../../ops/definition.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as F from "../functional/activation.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFloat } from "../options.ts";
import { refuse } from "../reduction.ts";
import type { SoftmaxOptions } from "./activation.ts";

/** No lower bound for an argument. */
const ANY = Number.NEGATIVE_INFINITY;

/** The first half of an axis times the sigmoid of the second (torch.nn.GLU). */
export class GLU extends Module {
  /** Default: -1. */
  readonly dim: number;

  constructor(dim?: number | Partial<SoftmaxOptions>) {
    super();
    this.dim = new Arguments("GLU", [dim], ["dim"]).integer("dim", ANY, -1);
  }

  forward(x: Tensor): Tensor {
    return F.glu(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** `log(1 / (1 + e^-x))` (torch.nn.LogSigmoid). */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.logsigmoid(x);
  }
}

/** `min(max(x, minVal), maxVal)`, from -1 to 1 by default (torch.nn.Hardtanh). */
export class Hardtanh extends Module {
  /** The lower bound. */
  readonly minVal: number;
  /** The upper bound. */
  readonly maxVal: number;

  constructor(minVal?: number | F.HardtanhOptions, maxVal?: number | F.HardtanhOptions) {
    super();
    const { minVal: least, maxVal: most } = F.readHardtanh("Hardtanh", [minVal, maxVal]);
    this.minVal = least;
    this.maxVal = most;
  }

  forward(x: Tensor): Tensor {
    return F.hardtanh(x, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return `min_val=${pythonFloat(this.minVal)}, max_val=${pythonFloat(this.maxVal)}`;
  }
}

/** What {@link Threshold} takes, by name. */
export interface ThresholdArguments {
  /** The value above which the input is passed on. */
  readonly threshold: number;
  /** The value that replaces the others. */
  readonly value: number;
}

/** `x` above the threshold, else `value` (torch.nn.Threshold). */
export class Threshold extends Module {
  /** The value above which the input is passed on. */
  readonly threshold: number;
  /** The value that replaces the others. */
  readonly value: number;

  constructor(threshold: number | ThresholdArguments, value?: number | Pick<ThresholdArguments, "value">) {
    super();
    const options = new Arguments("Threshold", [threshold, value], ["threshold", "value"]);
    this.threshold = options.number("threshold", ANY);
    this.value = options.number("value", ANY);
  }

  forward(x: Tensor): Tensor {
    return F.threshold(x, this.threshold, this.value);
  }

  override extraRepr(): string {
    return `threshold=${pythonFloat(this.threshold)}, value=${pythonFloat(this.value)}`;
  }
}

/** `x`, but 0 from `-lambd` to `lambd`, 0.5 by default (torch.nn.Hardshrink). */
export class Hardshrink extends Module {
  /** The half-width of what becomes 0. */
  readonly lambd: number;

  constructor(lambd?: number | F.ShrinkOptions) {
    super();
    this.lambd = F.readLambd("Hardshrink", lambd);
  }

  forward(x: Tensor): Tensor {
    return F.hardshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return pythonFloat(this.lambd);
  }
}

/** `x` nearer to 0 by `lambd` (default: 0.5), as far as 0 (torch.nn.Softshrink). */
export class Softshrink extends Module {
  /** The half-width of what becomes 0. */
  readonly lambd: number;

  constructor(lambd?: number | F.ShrinkOptions) {
    super();
    this.lambd = F.readLambd("Softshrink", lambd, 0);
  }

  forward(x: Tensor): Tensor {
    return F.softshrink(x, this.lambd);
  }

  override extraRepr(): string {
    return pythonFloat(this.lambd);
  }
}

/** `x - tanh(x)` (torch.nn.Tanhshrink). */
export class Tanhshrink extends Module {
  forward(x: Tensor): Tensor {
    return F.tanhshrink(x);
  }
}

/** `e^-x / Σ e^-x` along an axis (torch.nn.Softmin). */
export class Softmin extends Module {
  /** The axis along which the shares sum up to 1. */
  readonly dim: number;

  constructor(dim: number | SoftmaxOptions) {
    super();
    this.dim = new Arguments("Softmin", [dim], ["dim"]).integer("dim", ANY);
  }

  forward(x: Tensor): Tensor {
    return F.softmin(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** Softmax over the channels at each pixel of images [N,C,H,W] or [C,H,W] (torch.nn.Softmax2d). */
export class Softmax2d extends Module {
  forward(x: Tensor): Tensor {
    if (x.ndim !== 3 && x.ndim !== 4) refuse(`Softmax2d expects [N,C,H,W] or [C,H,W] but got ${describe(x)}`);
    return F.softmax(x, -3);
  }
}
