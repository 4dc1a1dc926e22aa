/** Activation layers: functions of each element or, as softmax, of each row. PReLU alone has a parameter. */

import type { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import * as F from "../functional/activation.ts";
import { type RReLUOptions, readSlopes, rrelu } from "../functional/random-activation.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFloat } from "../options.ts";
import type { Parameter } from "../parameter.ts";

/** No lower bound for an argument. */
const ANY = Number.NEGATIVE_INFINITY;

/** `max(x, 0)`, element by element (torch.nn.ReLU). */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** `min(max(x, 0), 6)` (torch.nn.ReLU6). */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return F.relu6(x);
  }
}

/** `x` above 0, else `negativeSlope · x`; 0.01 by default (torch.nn.LeakyReLU). */
export class LeakyReLU extends Module {
  /** The slope below 0. */
  readonly negativeSlope: number;

  constructor(negativeSlope?: number | F.LeakyReLUOptions) {
    super();
    const options = new Arguments("LeakyReLU", [negativeSlope], ["negativeSlope"]);
    this.negativeSlope = options.number("negativeSlope", ANY, 0.01);
  }

  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, this.negativeSlope);
  }

  override extraRepr(): string {
    return `negative_slope=${pythonFloat(this.negativeSlope)}`;
  }
}

/** The options of {@link PReLU}. */
export interface PReLUOptions {
  /** How many slopes are learned: 1 by default, or one for each channel. */
  readonly numParameters?: number;
  /** Their initial value (default: 0.25). */
  readonly init?: number;
}

/** `x` above 0, else a learned slope times `x` (torch.nn.PReLU). */
export class PReLU extends Module {
  /** How many slopes are learned: 1, or one for each channel. */
  readonly numParameters: number;
  /** The initial value of the slopes. */
  readonly init: number;
  /** [numParameters] */
  weight: Parameter;

  constructor(numParameters?: number | PReLUOptions, init?: number | PReLUOptions) {
    super();
    const options = new Arguments("PReLU", [numParameters, init], ["numParameters", "init"]);
    this.numParameters = options.integer("numParameters", 1, 1);
    this.init = options.number("init", ANY, 0.25);
    this.weight = initialParameter([this.numParameters], (data) => data.fill(this.init));
  }

  forward(x: Tensor): Tensor {
    return F.prelu(x, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`;
  }
}

/** The named arguments of {@link RReLU}. */
export type RReLULayerOptions = Omit<RReLUOptions, "training">;

/** `x` above 0, else `x` times a slope that is drawn between two bounds while training (torch.nn.RReLU). */
export class RReLU extends Module {
  /** The lower bound of the slope below 0. */
  readonly lower: number;
  /** The upper bound of the slope below 0. */
  readonly upper: number;
  /** Accepted for compatibility with PyTorch, without effect. */
  readonly inplace: boolean;

  constructor(
    lower?: number | RReLULayerOptions,
    upper?: number | RReLULayerOptions,
    inplace?: boolean | RReLULayerOptions,
  ) {
    super();
    const options = new Arguments("RReLU", [lower, upper, inplace], ["lower", "upper", "inplace"]);
    const bounds = readSlopes("RReLU", options);
    this.lower = bounds.lower;
    this.upper = bounds.upper;
    this.inplace = options.flag("inplace", false);
  }

  forward(x: Tensor): Tensor {
    return rrelu(x, this.lower, this.upper, this.training);
  }

  override extraRepr(): string {
    const bounds = `lower=${pythonFloat(this.lower)}, upper=${pythonFloat(this.upper)}`;
    return this.inplace ? `${bounds}, inplace=True` : bounds;
  }
}

/** `x` above 0, else `alpha · (e^x - 1)` (default: alpha = 1) (torch.nn.ELU). */
export class ELU extends Module {
  /** What the function tends to below 0, as -alpha. */
  readonly alpha: number;

  constructor(alpha?: number | F.ELUOptions) {
    super();
    this.alpha = new Arguments("ELU", [alpha], ["alpha"]).number("alpha", ANY, 1);
  }

  forward(x: Tensor): Tensor {
    return F.elu(x, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`;
  }
}

/** ELU scaled so that mean 0 and variance 1 persist through layers (torch.nn.SELU). */
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return F.selu(x);
  }
}

/** `x` above 0, else `alpha · (e^(x / alpha) - 1)` (default: alpha = 1) (torch.nn.CELU). */
export class CELU extends Module {
  /** What the function tends to below 0, as -alpha. */
  readonly alpha: number;

  constructor(alpha?: number | F.ELUOptions) {
    super();
    this.alpha = new Arguments("CELU", [alpha], ["alpha"]).number("alpha", ANY, 1);
  }

  forward(x: Tensor): Tensor {
    return F.celu(x, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`;
  }
}

/** `x · Φ(x)` with the normal distribution Φ, exact by default (torch.nn.GELU). */
export class GELU extends Module {
  /** "none" for the exact normal distribution, "tanh" for its approximation. */
  readonly approximate: F.Approximate;

  constructor(approximate?: F.Approximate | F.GELUOptions) {
    super();
    const options = new Arguments("GELU", [approximate], ["approximate"]);
    this.approximate = options.choice("approximate", ["none", "tanh"], "none");
  }

  forward(x: Tensor): Tensor {
    return F.gelu(x, this.approximate);
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** `x · sigmoid(x)` (torch.nn.SiLU). */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return F.silu(x);
  }
}

/** `x · tanh(softplus(x))` (torch.nn.Mish). */
export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return F.mish(x);
  }
}

/** `1 / (1 + e^-x)` (torch.nn.Sigmoid). */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** `relu6(x + 3) / 6` (torch.nn.Hardsigmoid). */
export class Hardsigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.hardsigmoid(x);
  }
}

/** `x · hardsigmoid(x)` (torch.nn.Hardswish). */
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return F.hardswish(x);
  }
}

/** The hyperbolic tangent (torch.nn.Tanh). */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** `log(1 + e^(beta·x)) / beta`, and `x` itself where `beta·x` exceeds the threshold (torch.nn.Softplus). */
export class Softplus extends Module {
  /** Default: 1. */
  readonly beta: number;
  /** Default: 20. */
  readonly threshold: number;

  constructor(beta?: number | F.SoftplusOptions, threshold?: number | F.SoftplusOptions) {
    super();
    const options = new Arguments("Softplus", [beta, threshold], ["beta", "threshold"]);
    this.beta = options.number("beta", ANY, 1);
    this.threshold = options.number("threshold", ANY, 20);
  }

  forward(x: Tensor): Tensor {
    return F.softplus(x, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return `beta=${pythonFloat(this.beta)}, threshold=${pythonFloat(this.threshold)}`;
  }
}

/** `x / (1 + |x|)` (torch.nn.Softsign). */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return F.softsign(x);
  }
}

/** The options of {@link Softmax}. */
export interface SoftmaxOptions {
  /** The axis along which the results sum to 1. PyTorch's default, a guess it warns of, is left out. */
  readonly dim: number;
}

/** `e^x / Σ e^x` along an axis (torch.nn.Softmax). */
export class Softmax extends Module {
  /** The axis along which the shares sum up to 1. */
  readonly dim: number;

  constructor(dim: number | SoftmaxOptions) {
    super();
    this.dim = new Arguments("Softmax", [dim], ["dim"]).integer("dim", ANY);
  }

  forward(x: Tensor): Tensor {
    return F.softmax(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** `x - log Σ e^x` along an axis (torch.nn.LogSoftmax). */
export class LogSoftmax extends Module {
  /** The axis along which the shares sum up to 1. */
  readonly dim: number;

  constructor(dim: number | SoftmaxOptions) {
    super();
    this.dim = new Arguments("LogSoftmax", [dim], ["dim"]).integer("dim", ANY);
  }

  forward(x: Tensor): Tensor {
    return F.logSoftmax(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}
