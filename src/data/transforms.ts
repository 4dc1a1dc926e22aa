/**
 * Transforms between a dataset and its user, and those of single values. A transform is bound to a sample shape once:
 * that checks shapes and allocates scratch memory; applying it allocates nothing.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { checkDataset, isNumbers } from "./arguments.ts";
import { classesOf, type Dataset } from "./dataset.ts";
import { type Random, sampleRandom } from "./random.ts";

/** A transform that knows the shape it works on. */
export interface BoundTransform {
  /** The shape of what it gives. */
  readonly outputShape: Shape;
  /**
   * Reads one sample from the start of `input` and writes the result to `output` from `offset` on. Whatever is
   * left to chance is drawn from `random`.
   */
  apply(input: Float32Array, output: Float32Array, offset: number, random: Random): void;
}

/** Maps samples to samples; `description` is the call that makes it, such as `pad(2)`. */
export interface Transform {
  /** A one-line description. */
  readonly description: string;
  /** The transform for samples of one shape; throws when it cannot work on them. */
  bind(inputShape: Shape): BoundTransform;
}

/** `dataset` as seen through `transform`. */
export function withTransform(dataset: Dataset, transform: Transform): Dataset {
  checkDataset("withTransform", dataset, "sample");
  checkTransform("withTransform", transform);
  const bound = transform.bind(dataset.sampleShape);
  const original = new Float32Array(sizeOf(dataset.sampleShape));
  return {
    length: dataset.length,
    sampleShape: bound.outputShape,
    ...classesOf(dataset),
    description: `${dataset.description}, ${transform.description}`,
    sample(index, out, offset, random = sampleRandom(0, 0, index)) {
      const label = dataset.sample(index, original, 0, random);
      bound.apply(original, out, offset, random);
      return label;
    },
  };
}

/** Multiplies every value; `scale(1 / 255)` maps bytes to 0 … 1. */
export function scale(factor: number): Transform {
  checkFinite("scale", factor);
  return { description: `scale(${factor})`, bind: (shape) => eachValue(shape, (value) => value * factor) };
}

/**
 * Maps the bytes 0 … 255 of an image to 0 … 1, as torchvision's ToTensor does. Samples are already stored channel by
 * channel, so nothing else is left to do. It is for datasets of images; digits of `syntheticDigits` and your own
 * samples with other ranges do not need it.
 */
export function toTensor(): Transform {
  return { description: "toTensor()", bind: (shape) => eachValue(shape, (value) => value / 255) };
}

/**
 * `(value - mean) / std`, with one number for all channels or one for each, the channel being the first
 * dimension of a sample. Each operation is rounded to float32 as PyTorch rounds it.
 */
export function normalize(mean: number | readonly number[], std: number | readonly number[]): Transform {
  const means = channelValues("mean", mean);
  const deviations = channelValues("standard deviation", std);
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
      const channelSize = sizeOf(inputShape) / perChannel;
      return {
        outputShape: inputShape,
        apply(input, output, offset) {
          for (let channel = 0; channel < perChannel; channel++) {
            const shift = Math.fround(means[channel] ?? means[0]);
            const divisor = Math.fround(deviations[channel] ?? deviations[0]);
            const end = (channel + 1) * channelSize;
            for (let i = channel * channelSize; i < end; i++) {
              output[offset + i] = Math.fround(input[i] - shift) / divisor;
            }
          }
        },
      };
    },
  };
}

/** One number, or one for each channel. */
function channelValues(what: string, given: number | readonly number[]): readonly number[] {
  if (typeof given === "number") return [given];
  if (isNumbers(given) && given.length > 0) return Array.from(given);
  throw new KilnError(
    `normalize needs a ${what}, one number or one for each channel, not ${describeValue(given)}`,
  );
}

/**
 * Applies transforms in order, given as a list or one by one; without any, samples are unchanged.
 */
export function compose(...given: readonly (Transform | readonly Transform[])[]): Transform {
  const all = given.flat() as Transform[];
  for (const transform of all) checkTransform("compose", transform);
  const [first = scale(1), ...others] = all;
  return {
    description: [first, ...others].map((transform) => transform.description).join(", "),
    bind: (inputShape) => others.reduce(chain, first.bind(inputShape)),
  };
}

/** What `first` does and then `next` to its results. */
export function chain(first: BoundTransform, next: Transform): BoundTransform {
  const second = next.bind(first.outputShape);
  const between = new Float32Array(sizeOf(first.outputShape));
  return {
    outputShape: second.outputShape,
    apply(input, output, offset, random) {
      first.apply(input, between, 0, random);
      second.apply(between, output, offset, random);
    },
  };
}

function eachValue(shape: Shape, map: (value: number) => number): BoundTransform {
  const size = sizeOf(shape);
  return {
    outputShape: shape,
    apply(input, output, offset) {
      for (let i = 0; i < size; i++) output[offset + i] = map(input[i]);
    },
  };
}

/** Throws unless all `values` of the transform `name` are finite. */
export function checkFinite(name: string, ...values: readonly number[]): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new KilnError(`${name} needs finite numbers, not ${shown(values[bad])}`);
}

/** A number as it is, anything else by its kind. */
export const shown = (value: unknown): string =>
  typeof value === "number" ? `${value}` : describeValue(value);

/** Throws unless `value` is a transform. */
export function checkTransform(callee: string, value: unknown): void {
  if (typeof Object(value).bind === "function" && typeof value === "object") return;
  throw new KilnError(`${callee} takes a transform, such as data.pad(2), not ${describeValue(value)}`);
}

const formatNumbers = (value: number | readonly number[]): string =>
  typeof value === "number" ? `${value}` : `[${value.join(", ")}]`;
