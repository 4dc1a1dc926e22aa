/** How wide initial values should spread, so that signals keep their size from layer to layer. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../../core/shape.ts";

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

/** What follows a weight, under PyTorch's names. */
export type Nonlinearity =
  | "linear"
  | "conv1d"
  | "conv2d"
  | "conv3d"
  | "conv_transpose1d"
  | "conv_transpose2d"
  | "conv_transpose3d"
  | "sigmoid"
  | "tanh"
  | "relu"
  | "leaky_relu"
  | "selu";

const GAINS: Readonly<Record<Nonlinearity, (slope: number) => number>> = {
  linear: () => 1,
  conv1d: () => 1,
  conv2d: () => 1,
  conv3d: () => 1,
  conv_transpose1d: () => 1,
  conv_transpose2d: () => 1,
  conv_transpose3d: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leaky_relu: (slope) => Math.sqrt(2 / (1 + slope * slope)),
  selu: () => 3 / 4,
};

export const NONLINEARITIES = Object.keys(GAINS) as readonly Nonlinearity[];

/**
 * The recommended gain of a weight for the activation after it (torch.nn.init.calculate_gain); `param` is the negative
 * slope of a leaky ReLU (default: 0.01).
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  if (!Object.hasOwn(GAINS, nonlinearity)) {
    throw new KilnError(`calculateGain knows ${NONLINEARITIES.join(", ")}, not ${nonlinearity}`);
  }
  if (!Number.isFinite(param))
    throw new KilnError(`calculateGain's negative slope is a number, not ${param}`);
  return GAINS[nonlinearity](param);
}
