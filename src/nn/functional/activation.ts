/** Activation functions, with PyTorch's argument order and defaults. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { ownAxisOf } from "../../tensor/axes.ts";
import { constant } from "../../tensor/operation.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse } from "../reduction.ts";

/** The options of {@link leakyRelu}. */
export interface LeakyReLUOptions {
  /** The slope below 0 (default: 0.01). */
  readonly negativeSlope?: number;
}

/** The options of {@link elu} and {@link celu}. */
export interface ELUOptions {
  /** What the function tends to below 0, as -alpha (default: 1). */
  readonly alpha?: number;
}

/** How {@link gelu} computes the normal distribution. */
export type Approximate = "none" | "tanh";

/** The options of {@link gelu}. */
export interface GELUOptions {
  /** "none" (the default) for the exact normal distribution, "tanh" for its approximation. */
  readonly approximate?: Approximate;
}

/** The named arguments of {@link softplus}. */
export interface SoftplusOptions {
  /** How sharp the bend at 0 is (default: 1). */
  readonly beta?: number;
  /** Where `beta·x` is above this, x itself is given (default: 20). */
  readonly threshold?: number;
}

/** No lower bound for an argument. */
const ANY = Number.NEGATIVE_INFINITY;

const compare = (input: Tensor, relation: "gt" | "ge", bound: number): Tensor =>
  apply("compare", [input, constant(bound)], { relation });

const isPositive = (input: Tensor): Tensor => compare(input, "gt", 0);

const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor => apply("where", [condition, a, b]);

function divisor(callee: string, name: string, value: number): number {
  if (value === 0) throw new KilnError(`${callee}'s ${name} must not be 0: it divides by it`);
  return value;
}

/**
 * `x` above 0, else `alpha · (e^(rate·x) - 1)`. The exponential never sees positive numbers: an infinite one would turn
 * the zero that arrives at it in the backward pass into NaN.
 */
function exponentialLinear(input: Tensor, alpha: number, rate: number): Tensor {
  const positive = isPositive(input);
  const negative = where(positive, constant(0), input);
  return where(positive, input, apply("expm1", [negative.mul(rate)]).mul(alpha));
}

/** `max(x, 0)`, element by element. */
export const relu = (input: Tensor): Tensor => input.relu();

/** `min(max(x, 0), 6)`. */
export const relu6 = (input: Tensor): Tensor => apply("clamp", [input], { min: 0, max: 6 });

/** `x` above 0, else `negativeSlope · x`. */
export function leakyRelu(input: Tensor, negativeSlope?: number | LeakyReLUOptions): Tensor {
  const slope = new Arguments("leakyRelu", [negativeSlope], ["negativeSlope"]);
  return where(isPositive(input), input, input.mul(slope.number("negativeSlope", ANY, 0.01)));
}

/** `x` above 0, else `weight · x`: one learned slope, or one for each channel (axis 1). */
export function prelu(input: Tensor, weight: Tensor): Tensor {
  const slopes = weight.numel();
  const channels = input.ndim < 2 ? 1 : input.shape[1];
  if (weight.ndim > 1 || (slopes !== 1 && slopes !== channels)) {
    throw new KilnError(
      `prelu expects one slope, or one for each of the ${channels} channels of ${formatShape(input.shape)}, ` +
        `but got slopes of shape ${formatShape(weight.shape)}`,
    );
  }
  const aligned =
    slopes === 1 ? weight.reshape([]) : weight.reshape([slopes, ...input.shape.slice(2).fill(1)]);
  return where(isPositive(input), input, input.mul(aligned));
}

/** `x` above 0, else `alpha · (e^x - 1)`. */
export function elu(input: Tensor, alpha?: number | ELUOptions): Tensor {
  return exponentialLinear(input, new Arguments("elu", [alpha], ["alpha"]).number("alpha", ANY, 1), 1);
}

/** `scale · elu(x, alpha)` with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017). */
export const selu = (input: Tensor): Tensor =>
  exponentialLinear(input, 1.6732632423543772, 1).mul(1.0507009873554805);

/** `x` above 0, else `alpha · (e^(x / alpha) - 1)`. */
export function celu(input: Tensor, alpha?: number | ELUOptions): Tensor {
  const width = divisor("celu", "alpha", new Arguments("celu", [alpha], ["alpha"]).number("alpha", ANY, 1));
  return exponentialLinear(input, width, 1 / width);
}

/** `x · Φ(x)` with the normal distribution Φ, exact or, with `approximate: "tanh"`, by a hyperbolic tangent. */
export function gelu(input: Tensor, approximate?: Approximate | GELUOptions): Tensor {
  const options = new Arguments("gelu", [approximate], ["approximate"]);
  if (options.choice("approximate", ["none", "tanh"], "none") === "none") return apply("gelu", [input]);
  const inner = input
    .mul(input)
    .mul(0.044715)
    .add(1)
    .mul(input)
    .mul(Math.sqrt(2 / Math.PI));
  return input.mul(0.5).mul(tanh(inner).add(1));
}

/** `x · sigmoid(x)`. */
export const silu = (input: Tensor): Tensor => input.mul(sigmoid(input));

/** `x · tanh(softplus(x))`. */
export const mish = (input: Tensor): Tensor => input.mul(tanh(apply("softplus", [input])));

/** `1 / (1 + e^-x)`. */
export const sigmoid = (input: Tensor): Tensor => apply("sigmoid", [input]);

/** `relu6(x + 3) / 6`. */
export const hardsigmoid = (input: Tensor): Tensor => relu6(input.add(3)).div(6);

/** `x · hardsigmoid(x)`. */
export const hardswish = (input: Tensor): Tensor => input.mul(hardsigmoid(input));

/** The hyperbolic tangent. */
export const tanh = (input: Tensor): Tensor => apply("tanh", [input]);

/** `log(1 + e^(beta·x)) / beta`, and `x` itself where `beta·x` exceeds the threshold. */
export function softplus(
  input: Tensor,
  beta?: number | SoftplusOptions,
  threshold?: number | SoftplusOptions,
): Tensor {
  const options = new Arguments("softplus", [beta, threshold], ["beta", "threshold"]);
  const sharpness = divisor("softplus", "beta", options.number("beta", ANY, 1));
  const scaled = input.mul(sharpness);
  const curve = apply("softplus", [scaled]).div(sharpness);
  return where(compare(scaled, "gt", options.number("threshold", ANY, 20)), input, curve);
}

/** `x / (1 + |x|)`. */
export const softsign = (input: Tensor): Tensor => input.div(input.abs().add(1));

/** `e^x / Σ e^x` along `dim`. */
export const softmax = (input: Tensor, dim: number): Tensor => input.softmax(dim);

/** `x - log Σ e^x` along `dim`. */
export const logSoftmax = (input: Tensor, dim: number): Tensor => input.logSoftmax(dim);

/** `softmax(-x)` along `dim`. */
export const softmin = (input: Tensor, dim: number): Tensor => input.neg().softmax(dim);

/** The first half along `dim` times the sigmoid of the second (Dauphin et al., 2017; torch.nn.functional.glu). */
export function glu(input: Tensor, dim = -1): Tensor {
  const axis = ownAxisOf("glu", input, dim);
  const extent = input.shape[axis];
  if (extent % 2 !== 0)
    refuse(
      `glu halves an axis of an even extent, but axis ${axis} of ${formatShape(input.shape)} has ${extent}`,
    );
  const [value, gate] = [0, extent / 2].map((start) => input.narrow(axis, start, extent / 2));
  return value.mul(sigmoid(gate));
}

/** `log(1 / (1 + e^-x))`, in a form that never overflows. */
export const logsigmoid = (input: Tensor): Tensor => apply("softplus", [input.neg()]).neg();

/** The named arguments of {@link hardtanh}. */
export interface HardtanhOptions {
  /** The least value (default: -1). */
  readonly minVal?: number;
  /** The largest value (default: 1). */
  readonly maxVal?: number;
}

/** The bounds of {@link hardtanh} (default: -1 and 1). */
export function readHardtanh(callee: string, given: readonly unknown[]): Required<HardtanhOptions> {
  const options = new Arguments(callee, given, ["minVal", "maxVal"]);
  const [minVal, maxVal] = [options.number("minVal", ANY, -1), options.number("maxVal", ANY, 1)];
  if (minVal > maxVal) refuse(`${callee}'s minVal ${minVal} must not be larger than its maxVal ${maxVal}`);
  return { minVal, maxVal };
}

/** `min(max(x, minVal), maxVal)`. */
export function hardtanh(
  input: Tensor,
  minVal?: number | HardtanhOptions,
  maxVal?: number | HardtanhOptions,
): Tensor {
  const bounds = readHardtanh("hardtanh", [minVal, maxVal]);
  return apply("clamp", [input], { min: bounds.minVal, max: bounds.maxVal });
}

/** `x` above the threshold, else `value`. */
export const threshold = (input: Tensor, limit: number, value: number): Tensor =>
  where(compare(input, "gt", limit), input, constant(value));

/** The options of {@link hardshrink} and {@link softshrink}. */
export interface ShrinkOptions {
  /** The half-width of what becomes 0 (default: 0.5). */
  readonly lambd?: number;
}

/** The half-width of a shrinking function (default: 0.5). */
export const readLambd = (callee: string, lambd: number | ShrinkOptions | undefined, least = ANY): number =>
  new Arguments(callee, [lambd], ["lambd"]).number("lambd", least, 0.5);

/** `x`, but 0 from `-lambd` to `lambd`. */
export const hardshrink = (input: Tensor, lambd?: number | ShrinkOptions): Tensor =>
  where(compare(input.abs(), "gt", readLambd("hardshrink", lambd)), input, constant(0));

/** `x` nearer to 0 by `lambd`, and 0 from `-lambd` to `lambd`. */
export function softshrink(input: Tensor, lambd?: number | ShrinkOptions): Tensor {
  const width = readLambd("softshrink", lambd, 0);
  return input.sub(apply("clamp", [input], { min: -width, max: width }));
}

/** `x - tanh(x)`. */
export const tanhshrink = (input: Tensor): Tensor => input.sub(tanh(input));
