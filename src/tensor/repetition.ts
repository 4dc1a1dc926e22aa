/** Functions that repeat elements, or turn them around, with PyTorch's names, argument order and defaults. */

import { describeValue } from "../core/describe-value.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { refuse, requireTensor } from "./arguments.ts";
import { axisOf, type Dims, ownAxisOf } from "./axes.ts";
import { apply } from "./operation.ts";
import { cat, expand, flip, narrow, transpose } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

/** The input laid out `sizes[k]` times along axis k; more sizes than axes add axes in front. */
export function repeat(input: Tensor, sizes: readonly number[]): Tensor {
  requireTensor("repeat", input);
  if (!areCounts(sizes))
    return refuse(`repeat needs a whole number of repetitions per axis, not ${describeValue(sizes)}`);
  if (sizes.length < input.ndim)
    return refuse(
      `repeat needs a number for every axis of ${describe(input)}, not [${sizes}]; tile needs fewer`,
    );
  return repeated(input, sizes);
}

/** The input repeated `sizes[k]` times along axis k; if there are fewer sizes than axes they apply to the last ones. */
export function tile(input: Tensor, sizes: readonly number[]): Tensor {
  requireTensor("tile", input);
  if (!areCounts(sizes))
    return refuse(`tile needs a whole number of repetitions per axis, not ${describeValue(sizes)}`);
  return repeated(input, [...Array(Math.max(0, input.ndim - sizes.length)).fill(1), ...sizes]);
}

/** Each axis follows a new one for its repetitions, and is joined with it. */
function repeated(input: Tensor, sizes: Shape): Tensor {
  const shape = [...Array(sizes.length - input.ndim).fill(1), ...input.shape];
  const apart = shape.flatMap((extent, k) => (sizes[k] === 1 ? [extent] : [1, extent]));
  const spread = shape.flatMap((extent, k) => (sizes[k] === 1 ? [extent] : [sizes[k], extent]));
  const whole = apply("broadcast_to", [input.reshape(apart)], { shape: spread });
  return apply("reshape", [whole], { shape: shape.map((extent, k) => extent * sizes[k]) });
}

const areCounts = (sizes: unknown): boolean =>
  Array.isArray(sizes) && sizes.every((size) => Number.isSafeInteger(size) && size >= 0);

/**
 * Each element along `dim`, or of all in row-major order, `repeats` times in a row, or as often as a list of numbers
 * says for each. How often must be known when the program is made, for the shape hangs on it: a tensor is refused.
 */
export function repeatInterleave(input: Tensor, repeats: number | readonly number[], dim?: number): Tensor {
  requireTensor("repeatInterleave", input);
  const x = dim === undefined ? input.reshape(-1) : input;
  const axis = ownAxisOf("repeatInterleave", x, dim ?? 0);
  const extent = x.shape[axis];
  const counts = typeof repeats === "number" ? [repeats] : repeats;
  if (!areCounts(counts) || (counts.length !== 1 && counts.length !== extent))
    return refuse(
      `repeatInterleave needs how often to repeat as a number, or as a list of ${extent} numbers, not ` +
        `${describeValue(repeats)}; it decides on the shape of the result, so that it cannot be a tensor`,
    );
  if (counts.length === 1) {
    const spread = [...x.shape.slice(0, axis + 1), counts[0], ...x.shape.slice(axis + 1)];
    const whole = apply("broadcast_to", [x.unsqueeze(axis + 1)], { shape: spread });
    return apply("reshape", [whole], {
      shape: x.shape.map((own, k) => (k === axis ? own * counts[0] : own)),
    });
  }
  const sizes = (count: number): Shape => x.shape.map((own, k) => (k === axis ? count : own));
  const parts = counts.flatMap((count, k) =>
    count === 0 ? [] : [expand(narrow(x, axis, k, 1), sizes(count))],
  );
  return parts.length > 0 ? cat(parts, axis) : narrow(x, axis, 0, 0);
}

/**
 * The elements shifted by `shifts` along `dims`; elements beyond the end reappear at the beginning. Without `dims` all
 * elements are shifted in row-major order.
 */
export function roll(input: Tensor, shifts: Dims, dims?: Dims): Tensor {
  requireTensor("roll", input);
  const steps = [shifts].flat();
  if (!steps.every((step) => Number.isSafeInteger(step)))
    return refuse(`roll needs whole numbers as shifts, not ${describeValue(shifts)}`);
  if (dims === undefined || (Array.isArray(dims) && dims.length === 0 && steps.length === 1)) {
    if (steps.length !== 1) return refuse(`roll needs dims to go with the shifts [${steps}]`);
    return rolled(input.reshape(-1), steps[0], 0).reshape(input.shape);
  }
  const axes = [dims].flat().map((dim) => axisOf(input, dim));
  if (axes.length !== steps.length)
    return refuse(`roll needs one shift per axis, but is given [${steps}] for the axes [${[dims].flat()}]`);
  return input.ndim === 0 ? input.clone() : axes.reduce((x, axis, k) => rolled(x, steps[k], axis), input);
}

function rolled(x: Tensor, shift: number, axis: number): Tensor {
  const extent = x.shape[axis];
  const first = extent === 0 ? 0 : ((-shift % extent) + extent) % extent;
  if (first === 0) return x.clone();
  return cat([narrow(x, axis, first, extent - first), narrow(x, axis, 0, first)], axis);
}

/** The plane of the axes `dims` turned `k` times by a quarter, from the first axis towards the second. */
export function rot90(input: Tensor, k = 1, dims: readonly number[] = [0, 1]): Tensor {
  requireTensor("rot90", input);
  if (!Number.isSafeInteger(k)) return refuse(`rot90 turns a whole number of times, not ${k}`);
  const axes = dims.map((dim) => axisOf(input, dim));
  if (axes.length !== 2 || axes[0] === axes[1] || input.ndim < 2)
    return refuse(`rot90 needs two axes of ${formatShape(input.shape)}, not [${dims}]`);
  const [a, b] = axes;
  switch (((k % 4) + 4) % 4) {
    case 1:
      return transpose(flip(input, b), a, b);
    case 2:
      return flip(input, [a, b]);
    case 3:
      return flip(transpose(input, a, b), b);
    default:
      return input.clone();
  }
}

/** The rows in reverse order. */
export const flipud = (input: Tensor): Tensor => flip(input, 0);

/** The columns in reverse order. */
export const fliplr = (input: Tensor): Tensor =>
  input.ndim < 2 ? refuse(`fliplr needs columns: two axes, not ${describe(input)}`) : flip(input, 1);
