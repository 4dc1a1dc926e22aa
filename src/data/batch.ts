/** How batches come about, apart from tensors: the order of an epoch, and samples gathered into arrays. */

import { sizeOf } from "../core/shape.ts";
import type { Dataset } from "./dataset.ts";
import { Random } from "./random.ts";

/** Samples side by side: `images` has the shape `[batch, ...sampleShape]`, `labels` one class each. */
export interface Batch {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/**
 * The numbers `0 … length - 1` in the order in which an epoch visits them. With a seed the order is random,
 * and a function of the seed and the epoch's number alone.
 */
export function epochOrder(length: number, epoch: number, shuffleSeed: number | undefined): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index);
  return shuffleSeed === undefined ? order : new Random(shuffleSeed, "order", epoch).shuffle(order);
}

/** Gathers the samples `indices` of `dataset` into fresh arrays, which belong to the caller. */
export function assembleBatch(dataset: Dataset, indices: ArrayLike<number>): Batch {
  const sampleSize = sizeOf(dataset.sampleShape);
  const images = new Float32Array(indices.length * sampleSize);
  const labels = new Int32Array(indices.length);
  for (let position = 0; position < indices.length; position++) {
    labels[position] = dataset.sample(indices[position], images, position * sampleSize);
  }
  return { images, labels };
}
