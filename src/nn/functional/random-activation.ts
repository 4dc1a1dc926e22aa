/** Activation functions that draw random numbers while a model trains; a compiled program draws new ones in each run. */

import { ownAxisOf } from "../../tensor/axes.ts";
import { arange } from "../../tensor/creation.ts";
import { rand } from "../../tensor/random.ts";
import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { leakyRelu } from "./activation.ts";

const ANY = Number.NEGATIVE_INFINITY;

/** The named arguments of {@link rrelu}. */
export interface RReLUOptions {
  /** The least slope (default: 1/8). */
  readonly lower?: number;
  /** The largest slope (default: 1/3). */
  readonly upper?: number;
  /** Whether slopes are drawn (default: false). */
  readonly training?: boolean;
  /** Accepted for PyTorch's sake: a graph has no places to write to, so nothing is saved by it. */
  readonly inplace?: boolean;
}

/** The bounds of the slopes, layer or function. */
export function readSlopes(
  callee: string,
  options: Arguments,
): { readonly lower: number; readonly upper: number } {
  const [lower, upper] = [options.number("lower", ANY, 1 / 8), options.number("upper", ANY, 1 / 3)];
  if (lower > upper) refuse(`${callee}'s lower ${lower} must not be larger than its upper ${upper}`);
  return { lower, upper };
}

/**
 * `x` above 0, else `x` times a slope: while training one that is drawn for each element between `lower` and `upper`,
 * otherwise their mean (Xu et al., 2015; torch.nn.functional.rrelu).
 */
export function rrelu(
  input: Tensor,
  lower?: number | RReLUOptions,
  upper?: number | RReLUOptions,
  training?: boolean | RReLUOptions,
  inplace?: boolean | RReLUOptions,
): Tensor {
  const given = [lower, upper, training, inplace];
  const options = new Arguments("rrelu", given, ["lower", "upper", "training", "inplace"]);
  const bounds = readSlopes("rrelu", options);
  requireTensors("rrelu", { input });
  options.flag("inplace", false);
  if (!options.flag("training", false)) return leakyRelu(input, (bounds.lower + bounds.upper) / 2);
  const slopes = rand(input.shape)
    .mul(bounds.upper - bounds.lower)
    .add(bounds.lower);
  return where(input.gt(0), input, input.mul(slopes));
}

/** The named arguments of {@link gumbelSoftmax}. PyTorch's `eps`, which it ignores, is left out. */
export interface GumbelSoftmaxOptions {
  /** The temperature (default: 1). */
  readonly tau?: number;
  /** Whether each row of the result is one 1 and else zeros, with the gradients of the soft one (default: false). */
  readonly hard?: boolean;
  /** The axis of the classes (default: the last). */
  readonly dim?: number;
}

/** Below this no exponentially distributed number is: its logarithm would be infinite. */
const LEAST = 2 ** -25;

/**
 * Samples of classes with the probabilities `softmax(logits)`, soft enough to be differentiated (Jang et al., 2017;
 * torch.nn.functional.gumbel_softmax).
 */
export function gumbelSoftmax(
  logits: Tensor,
  tau?: number | GumbelSoftmaxOptions,
  hard?: boolean | GumbelSoftmaxOptions,
  dim?: number | GumbelSoftmaxOptions,
): Tensor {
  const options = new Arguments("gumbelSoftmax", [tau, hard, dim], ["tau", "hard", "dim"]);
  requireTensors("gumbelSoftmax", { logits });
  const temperature = options.number("tau", 0, 1);
  if (temperature === 0) refuse("gumbelSoftmax's tau must be above 0: it divides by it");
  const axis = ownAxisOf("gumbelSoftmax", logits, options.integer("dim", ANY, -1));
  const exponential = rand(logits.shape).rsub(1).log().neg().clamp(LEAST);
  const soft = logits.sub(exponential.log()).div(temperature).softmax(axis);
  if (!options.flag("hard", false)) return soft;
  const classes = arange(logits.shape[axis], { dtype: "int32" });
  const along = logits.shape.map((extent, k) => (k === axis ? extent : 1));
  const sampled = classes.reshape(along).eq(soft.argmax(axis, true)).float();
  return sampled.sub(soft.detach()).add(soft);
}
