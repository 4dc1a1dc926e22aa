/**
 * Initial values of parameters (`nn.init`). An initialiser fills an array for a shape and knows nothing of layers;
 * layers choose one, and further ones join here.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { uniformInto } from "../tensor/random.ts";

/** Fills `data`, the elements of a tensor of the given shape in row-major order. */
export type Initializer = (data: Float32Array, shape: Shape) => void;

/** Numbers spread evenly from `low` to `high`. */
export const uniform =
  (low: number, high: number): Initializer =>
  (data) =>
    uniformInto(data, low, high);

/**
 * He's initialisation: numbers spread evenly within {@link kaimingUniformBound}. With `a` = √5, PyTorch's default
 * for linear and convolution layers, the bound is 1/√fanIn.
 */
export const kaimingUniform =
  (a = 0): Initializer =>
  (data, shape) => {
    const bound = kaimingUniformBound(shape, a);
    uniformInto(data, -bound, bound);
  };

/** `gain · √(3 / fanIn)`, for a weight before a leaky ReLU of negative slope `a` (torch.nn.init.kaiming_uniform_). */
export function kaimingUniformBound(shape: Shape, a: number): number {
  const gain = Math.sqrt(2 / (1 + a * a));
  return gain * Math.sqrt(3 / fanInAndFanOut(shape).fanIn);
}

/** How many numbers an output of the layer with this weight is made from, and how many an input takes part in. */
export function fanInAndFanOut(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) {
    throw new KilnError(
      `fan-in and fan-out need a weight of two dimensions or more, not ${formatShape(shape)}`,
    );
  }
  const [outputs, inputs, ...kernel] = shape;
  const positions = sizeOf(kernel);
  return { fanIn: inputs * positions, fanOut: outputs * positions };
}
