/**
 * Normalisation of each sample by itself: over its last axes, groups of its channels or neighbours among them, with
 * PyTorch's defaults.
 */

import { formatShape, type Shape, sameShape, sizeOf } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { pad } from "../../tensor/rearrange.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { refuse } from "../reduction.ts";
import { avgPool2d } from "./pooling.ts";

/** Mean 0 and variance 1 over the axes from `first` on; `eps` keeps the division finite. */
const standardized = (input: Tensor, first: number, eps: number): Tensor =>
  apply("standardize", [input], { first, eps });

function requireShape(callee: string, name: string, tensor: Tensor | undefined, shape: Shape): void {
  if (tensor === undefined || (tensor.dtype === "float32" && sameShape(tensor.shape, shape))) return;
  refuse(`${callee}'s ${name} must be float32${formatShape(shape)} but is ${describe(tensor)}`);
}

/** `x·weight + bias`, either of which may be missing, in the shape that they are given in. */
function scaledAndShifted(x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined, shape: Shape) {
  const scaled = weight === undefined ? x : x.mul(weight.reshape(shape));
  return bias === undefined ? scaled : scaled.add(bias.reshape(shape));
}

/**
 * The shape of the last axes, which are normalised together, and the first of them; throws where `input` has others.
 */
function lastAxes(callee: string, input: Tensor, normalizedShape: number | readonly number[]) {
  const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const first = input.ndim - shape.length;
  if (shape.length === 0 || first < 0 || !sameShape(input.shape.slice(first), shape)) {
    refuse(`${callee} expects inputs whose last axes are ${formatShape(shape)} but got ${describe(input)}`);
  }
  return { shape, first };
}

/**
 * Each sample's elements over its last axes, which have the shape `normalizedShape`, with mean 0 and variance 1; then
 * times `weight`, plus `bias`, which have that shape too.
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: number | readonly number[],
  weight?: Tensor,
  bias?: Tensor,
  eps = 1e-5,
): Tensor {
  const { shape, first } = lastAxes("layerNorm", input, normalizedShape);
  requireShape("layerNorm", "weight", weight, shape);
  requireShape("layerNorm", "bias", bias, shape);
  return scaledAndShifted(standardized(input, first, eps), weight, bias, shape);
}

/**
 * The channels of each sample [N,C,…] in `numGroups` groups, each with mean 0 and variance 1; then times `weight`,
 * plus `bias`, one number for each channel.
 */
export function groupNorm(
  input: Tensor,
  numGroups: number,
  weight?: Tensor,
  bias?: Tensor,
  eps = 1e-5,
): Tensor {
  const [samples, channels, ...positions] = input.shape;
  if (input.ndim < 2 || !Number.isInteger(numGroups) || numGroups < 1 || channels % numGroups !== 0) {
    refuse(
      `groupNorm needs inputs [N,C,…] whose channels make ${numGroups} groups but got ${describe(input)}`,
    );
  }
  requireShape("groupNorm", "weight", weight, [channels]);
  requireShape("groupNorm", "bias", bias, [channels]);
  const grouped = input.reshape([samples, numGroups, channels / numGroups, ...positions]);
  const affine = [numGroups, channels / numGroups, ...positions.map(() => 1)];
  return scaledAndShifted(standardized(grouped, 2, eps), weight, bias, affine).reshape(input.shape);
}

/** The distance from 1 to the next number in float32. */
const EPSILON = 2 ** -23;

/**
 * Each sample's elements over its last axes, which have the shape `normalizedShape`, divided by the root of their mean
 * square; then times `weight`, which has that shape too (torch.nn.functional.rms_norm).
 */
export function rmsNorm(
  input: Tensor,
  normalizedShape: number | readonly number[],
  weight?: Tensor,
  eps: number | null = EPSILON,
): Tensor {
  const { shape, first } = lastAxes("rmsNorm", input, normalizedShape);
  requireShape("rmsNorm", "weight", weight, shape);
  const axes = shape.map((_, k) => first + k);
  const scale = input
    .mul(input)
    .mean(axes, true)
    .add(eps ?? EPSILON)
    .rsqrt();
  return scaledAndShifted(input.mul(scale), weight, undefined, shape);
}

/**
 * `x / (k + alpha·mean(x²))^beta`, where the mean is over `size` neighbouring channels of [N,C,…], and channels beyond
 * the first and last count as 0 (torch.nn.functional.local_response_norm).
 */
export function localResponseNorm(input: Tensor, size: number, alpha = 1e-4, beta = 0.75, k = 1): Tensor {
  if (input.ndim < 3) refuse(`localResponseNorm expects [N,C,…] with positions but got ${describe(input)}`);
  if (!Number.isSafeInteger(size) || size < 1)
    refuse(`localResponseNorm's size must be a whole number of at least 1, not ${size}`);
  const [samples, channels, ...positions] = input.shape;
  const squares = input.mul(input).reshape([samples, 1, channels, sizeOf(positions)]);
  const padded = pad(squares, [0, 0, Math.floor(size / 2), Math.floor((size - 1) / 2)]);
  const means = avgPool2d(padded, [size, 1], 1).reshape(input.shape);
  return input.div(means.mul(alpha).add(k).pow(beta));
}
