/**
 * Transforms between a dataset and its user: scaling, normalising, padding. A transform is bound to a sample
 * shape once, which is where shapes are checked and scratch memory is taken; applying it allocates nothing.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import type { Dataset } from "./dataset.ts";

/** A transform that knows the shape it works on. */
export interface BoundTransform {
  readonly outputShape: Shape;
  /** Reads one sample from the start of `input` and writes the result to `output` from `offset` on. */
  apply(input: Float32Array, output: Float32Array, offset: number): void;
}

/** Maps samples to samples; `description` is the call that makes it, such as `pad(2)`. */
export interface Transform {
  readonly description: string;
  /** The transform for samples of one shape; throws when it cannot work on them. */
  bind(inputShape: Shape): BoundTransform;
}

/** `dataset` as seen through `transform`. */
export function withTransform(dataset: Dataset, transform: Transform): Dataset {
  const bound = transform.bind(dataset.sampleShape);
  const original = new Float32Array(sizeOf(dataset.sampleShape));
  return {
    length: dataset.length,
    sampleShape: bound.outputShape,
    ...(dataset.classes === undefined ? {} : { classes: dataset.classes }),
    description: `${dataset.description}, ${transform.description}`,
    sample(index, out, offset) {
      const label = dataset.sample(index, original, 0);
      bound.apply(original, out, offset);
      return label;
    },
  };
}

/** Multiplies every value; `scale(1 / 255)` maps bytes to 0 … 1. */
export function scale(factor: number): Transform {
  checkFinite("scale", factor);
  return {
    description: `scale(${factor})`,
    bind: (inputShape) => affine(inputShape, [factor], [0]),
  };
}

/**
 * `(value - mean) / std`, with one number for all channels or one for each, the channel being the first
 * dimension of a sample.
 */
export function normalize(mean: number | readonly number[], std: number | readonly number[]): Transform {
  const means = typeof mean === "number" ? [mean] : mean;
  const deviations = typeof std === "number" ? [std] : std;
  checkFinite("normalize", ...means, ...deviations);
  if (deviations.some((deviation) => deviation <= 0)) {
    throw new KilnError(`normalize needs a standard deviation above 0, not ${deviations.join(", ")}`);
  }
  return {
    description: `normalize(${formatNumbers(mean)}, ${formatNumbers(std)})`,
    bind(inputShape) {
      const perChannel = Math.max(means.length, deviations.length);
      for (const { length } of [means, deviations]) {
        if (length === 1 || (length === perChannel && length === inputShape[0])) continue;
        throw new KilnError(
          `normalize has ${length} values, but samples of shape ${formatShape(inputShape)} ` +
            `have ${inputShape[0] ?? 1} channels`,
        );
      }
      const factors = Array.from({ length: perChannel }, (_, c) => 1 / (deviations[c] ?? deviations[0]));
      const shifts = factors.map((factor, channel) => -(means[channel] ?? means[0]) * factor);
      return affine(inputShape, factors, shifts);
    },
  };
}

/**
 * Adds `amount` rows and columns of `value` on each of the four sides: `pad(2)` makes 28 × 28 into 32 × 32.
 * Pad before normalising, so that the border becomes what the image's own zeros become; to pad afterwards,
 * give that number as `value`.
 */
export function pad(amount: number, value = 0): Transform {
  if (!Number.isInteger(amount) || amount < 0) {
    throw new KilnError(`pad needs a whole number of pixels from 0 on, not ${amount}`);
  }
  checkFinite("pad", value);
  return {
    description: value === 0 ? `pad(${amount})` : `pad(${amount}, ${value})`,
    bind(inputShape) {
      if (inputShape.length < 2) {
        throw new KilnError(
          `pad needs rows and columns, but samples have the shape ${formatShape(inputShape)}`,
        );
      }
      const [rows, columns] = inputShape.slice(-2);
      const [paddedRows, paddedColumns] = [rows + 2 * amount, columns + 2 * amount];
      const outputShape = [...inputShape.slice(0, -2), paddedRows, paddedColumns];
      const planes = sizeOf(inputShape.slice(0, -2));
      return {
        outputShape,
        apply(input, output, offset) {
          output.fill(value, offset, offset + planes * paddedRows * paddedColumns);
          for (let plane = 0; plane < planes; plane++) {
            for (let row = 0; row < rows; row++) {
              const from = (plane * rows + row) * columns;
              const to = offset + (plane * paddedRows + row + amount) * paddedColumns + amount;
              for (let column = 0; column < columns; column++) output[to + column] = input[from + column];
            }
          }
        },
      };
    },
  };
}

/** Applies `transforms` one after another, the first one first; none at all leave the samples as they are. */
export function compose(...transforms: readonly Transform[]): Transform {
  const [first = scale(1), ...others] = transforms;
  return {
    description: [first, ...others].map((transform) => transform.description).join(", "),
    bind: (inputShape) => others.reduce(chain, first.bind(inputShape)),
  };
}

function chain(first: BoundTransform, next: Transform): BoundTransform {
  const second = next.bind(first.outputShape);
  const between = new Float32Array(sizeOf(first.outputShape));
  return {
    outputShape: second.outputShape,
    apply(input, output, offset) {
      first.apply(input, between, 0);
      second.apply(between, output, offset);
    },
  };
}

/** `value · factor + shift`, the lists having one number for the whole sample or one for each channel. */
function affine(shape: Shape, factors: readonly number[], shifts: readonly number[]): BoundTransform {
  const channelSize = sizeOf(shape) / factors.length;
  return {
    outputShape: shape,
    apply(input, output, offset) {
      for (let channel = 0; channel < factors.length; channel++) {
        const [factor, shift] = [factors[channel], shifts[channel]];
        const end = (channel + 1) * channelSize;
        for (let i = channel * channelSize; i < end; i++) output[offset + i] = input[i] * factor + shift;
      }
    },
  };
}

function checkFinite(name: string, ...values: readonly number[]): void {
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new KilnError(`${name} needs finite numbers, not ${bad}`);
}

const formatNumbers = (value: number | readonly number[]): string =>
  typeof value === "number" ? `${value}` : `[${value.join(", ")}]`;
