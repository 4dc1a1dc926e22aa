/** PyTorch's functions that fill a tensor with initial values in place, with its arguments and defaults. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, sizeOf } from "../../core/shape.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { calculateGain, fanInAndFanOut, NONLINEARITIES, type Nonlinearity } from "./fan.ts";
import {
  constant,
  type Initializer,
  normal,
  orthogonal,
  sparseColumns,
  truncatedNormal,
  uniform,
} from "./initializer.ts";

const ANY = Number.NEGATIVE_INFINITY;

/** Gives `tensor` the numbers of an initialiser, and gives it back. */
function fill<T extends Tensor>(callee: string, tensor: T, initializer: Initializer): T {
  if (!(tensor instanceof Tensor) || tensor.dtype !== "float32") {
    throw new KilnError(`${callee} fills a float32 tensor, such as layer.weight`);
  }
  const data = new Float32Array(sizeOf(tensor.shape));
  initializer(data, tensor.shape);
  noGrad(() => tensor.copy_(Tensor.fromData(data, tensor.shape, "float32")));
  return tensor;
}

/** The named arguments of {@link uniform_}: the bounds. */
export interface UniformOptions {
  /** The lower bound (default: 0). */
  readonly a?: number;
  /** The upper bound (default: 1). */
  readonly b?: number;
}

/** Numbers spread evenly from `a` (default: 0), to `b` (default: 1). */
export function uniform_<T extends Tensor>(tensor: T, a?: number | UniformOptions, b?: number): T {
  const given = new Arguments("uniform_", [a, b], ["a", "b"]);
  return fill("uniform_", tensor, uniform(given.number("a", ANY, 0), given.number("b", ANY, 1)));
}

/** The named arguments of {@link normal_}. */
export interface NormalOptions {
  /** The mean (default: 0). */
  readonly mean?: number;
  /** The standard deviation (default: 1). */
  readonly std?: number;
}

/** Normally distributed numbers, of mean 0 and standard deviation 1 by default. */
export function normal_<T extends Tensor>(tensor: T, mean?: number | NormalOptions, std?: number): T {
  const given = new Arguments("normal_", [mean, std], ["mean", "std"]);
  return fill("normal_", tensor, normal(given.number("mean", ANY, 0), given.number("std", 0, 1)));
}

/** The named arguments of {@link truncNormal_}: `a` and `b` are the bounds themselves. */
export interface TruncNormalOptions extends NormalOptions, UniformOptions {}

/** Normally distributed numbers within [a, b], which is [-2, 2] by default. */
export function truncNormal_<T extends Tensor>(
  tensor: T,
  mean?: number | TruncNormalOptions,
  std?: number | TruncNormalOptions,
  a?: number | TruncNormalOptions,
  b?: number,
): T {
  const given = new Arguments("truncNormal_", [mean, std, a, b], ["mean", "std", "a", "b"]);
  const [low, high] = [given.number("a", ANY, -2), given.number("b", ANY, 2)];
  const deviation = given.number("std", 0, 1);
  if (low >= high || deviation === 0) {
    throw new KilnError(
      `truncNormal_ needs a positive std and bounds a < b, but std is ${deviation}, a is ${low} and b is ${high}`,
    );
  }
  return fill("truncNormal_", tensor, truncatedNormal(given.number("mean", ANY, 0), deviation, low, high));
}

/** `value` everywhere. */
export const constant_ = <T extends Tensor>(tensor: T, value: number): T =>
  fill("constant_", tensor, constant(value));

/** Writes 1 everywhere. */
export const ones_ = <T extends Tensor>(tensor: T): T => fill("ones_", tensor, constant(1));

/** Fills the tensor with zeros. */
export const zeros_ = <T extends Tensor>(tensor: T): T => fill("zeros_", tensor, constant(0));

/** 1 on the diagonal of a matrix, 0 elsewhere. */
export function eye_<T extends Tensor>(tensor: T): T {
  if (tensor.ndim !== 2) throw new KilnError(`eye_ fills a matrix, not ${formatShape(tensor.shape)}`);
  const [rows, columns] = tensor.shape;
  return fill("eye_", tensor, (data) => {
    for (let k = 0; k < Math.min(rows, columns); k++) data[k * columns + k] = 1;
  });
}

/**
 * The weight [out, in, …kernel] of a convolution of one, two or three axes that passes on as many channels as possible,
 * in each of `groups` (default: 1).
 */
export function dirac_<T extends Tensor>(tensor: T, groups = 1): T {
  if (tensor.ndim < 3 || tensor.ndim > 5)
    throw new KilnError(`dirac_ fills the weight of a convolution, not ${formatShape(tensor.shape)}`);
  const [outputs, inputs, ...kernel] = tensor.shape;
  if (!Number.isInteger(groups) || groups < 1 || outputs % groups !== 0)
    throw new KilnError(`dirac_'s groups must divide the ${outputs} outputs, not be ${groups}`);
  const middle = kernel.reduce((at, extent) => at * extent + Math.floor(extent / 2), 0);
  const positions = sizeOf(kernel);
  return fill("dirac_", tensor, (data) => {
    for (let output = 0; output < outputs; output++) {
      const input = output % (outputs / groups);
      if (input < inputs) data[(output * inputs + input) * positions + middle] = 1;
    }
  });
}

/** The options of {@link sparse_}. */
export interface SparseOptions {
  /** The standard deviation of what is not 0 (default: 0.01). */
  readonly std?: number;
}

/**
 * Normally distributed numbers in a matrix, with a share `sparsity`
 * of each column, rounded up, set to 0 (Martens, 2010).
 */
export function sparse_<T extends Tensor>(tensor: T, sparsity: number, std?: number | SparseOptions): T {
  if (tensor.ndim !== 2) throw new KilnError(`sparse_ fills a matrix, not ${formatShape(tensor.shape)}`);
  const options = new Arguments("sparse_", [sparsity, std], ["sparsity", "std"]);
  const part = options.number("sparsity", 0);
  if (part > 1) throw new KilnError(`sparse_'s sparsity is a part of 1, not ${part}`);
  const [rows] = tensor.shape;
  return fill("sparse_", tensor, sparseColumns(Math.ceil(part * rows), options.number("std", 0, 0.01)));
}

/** The options of the initialisers that take a gain (default: 1). */
export interface GainOptions {
  /** What the numbers are multiplied by (default: 1). */
  readonly gain?: number;
}

const readGain = (callee: string, gain: number | GainOptions | undefined): number =>
  new Arguments(callee, [gain], ["gain"]).number("gain", ANY, 1);

/** The standard deviation that Glorot and Bengio (2010) advise. */
function xavierDeviation(callee: string, tensor: Tensor, gain: number | GainOptions | undefined): number {
  const { fanIn, fanOut } = fanInAndFanOut(tensor.shape);
  return readGain(callee, gain) * Math.sqrt(2 / (fanIn + fanOut));
}

/** Numbers spread evenly within ±gain·√(6 / (fanIn + fanOut)). */
export function xavierUniform_<T extends Tensor>(tensor: T, gain?: number | GainOptions): T {
  const bound = Math.sqrt(3) * xavierDeviation("xavierUniform_", tensor, gain);
  return fill("xavierUniform_", tensor, uniform(-bound, bound));
}

/** Normally distributed numbers of standard deviation gain·√(2 / (fanIn + fanOut)). */
export const xavierNormal_ = <T extends Tensor>(tensor: T, gain?: number | GainOptions): T =>
  fill("xavierNormal_", tensor, normal(0, xavierDeviation("xavierNormal_", tensor, gain)));

/** Whether signals keep their size forwards or gradients backwards. */
export type FanMode = "fan_in" | "fan_out";

/** The named arguments of {@link kaimingUniform_} and {@link kaimingNormal_}. */
export interface KaimingOptions {
  /** The negative slope of the leaky ReLU that follows (default: 0). */
  readonly a?: number;
  /** Default: "fan_in". */
  readonly mode?: FanMode;
  /** Default: "leaky_relu". */
  readonly nonlinearity?: Nonlinearity;
}

type Kaiming<Value> = Value | KaimingOptions;

/** The standard deviation that He et al. (2015) advise. */
function kaimingDeviation(callee: string, tensor: Tensor, positional: readonly unknown[]): number {
  const given = new Arguments(callee, positional, ["a", "mode", "nonlinearity"]);
  const { fanIn, fanOut } = fanInAndFanOut(tensor.shape);
  const fan = given.choice<FanMode>("mode", ["fan_in", "fan_out"], "fan_in") === "fan_in" ? fanIn : fanOut;
  const gain = calculateGain(
    given.choice("nonlinearity", NONLINEARITIES, "leaky_relu"),
    given.number("a", ANY, 0),
  );
  return gain / Math.sqrt(fan);
}

/** Numbers spread evenly within ±gain·√(3 / fan). */
export function kaimingUniform_<T extends Tensor>(
  tensor: T,
  a?: Kaiming<number>,
  mode?: Kaiming<FanMode>,
  nonlinearity?: Nonlinearity,
): T {
  const bound = Math.sqrt(3) * kaimingDeviation("kaimingUniform_", tensor, [a, mode, nonlinearity]);
  return fill("kaimingUniform_", tensor, uniform(-bound, bound));
}

/** Normally distributed numbers of standard deviation gain/√fan. */
export const kaimingNormal_ = <T extends Tensor>(
  tensor: T,
  a?: Kaiming<number>,
  mode?: Kaiming<FanMode>,
  nonlinearity?: Nonlinearity,
): T =>
  fill(
    "kaimingNormal_",
    tensor,
    normal(0, kaimingDeviation("kaimingNormal_", tensor, [a, mode, nonlinearity])),
  );

/**
 * Orthogonal rows, or columns if there are fewer of them, of length `gain` (Saxe et al., 2013); all axes after the
 * first count as one.
 */
export function orthogonal_<T extends Tensor>(tensor: T, gain?: number | GainOptions): T {
  if (tensor.ndim < 2) {
    throw new KilnError(
      `orthogonal_ needs a tensor of two dimensions or more, not ${formatShape(tensor.shape)}`,
    );
  }
  return fill("orthogonal_", tensor, orthogonal(readGain("orthogonal_", gain)));
}
