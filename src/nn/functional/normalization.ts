/** Normalisation of each sample by itself, over its last axes or over groups of its channels, with PyTorch's defaults. */

import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { refuse } from "../reduction.ts";

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
  const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const first = input.ndim - shape.length;
  if (shape.length === 0 || first < 0 || !sameShape(input.shape.slice(first), shape)) {
    refuse(`layerNorm expects inputs whose last axes are ${formatShape(shape)} but got ${describe(input)}`);
  }
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
