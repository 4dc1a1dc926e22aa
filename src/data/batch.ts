/** How batches come about: the order of an epoch, and samples gathered into arrays and tensors. */

import { sizeOf } from "../core/shape.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import type { Dataset } from "./dataset.ts";
import { Random, sampleRandom } from "./random.ts";

/** What the random transforms of a batch depend on, besides each sample's index. */
export interface Draw {
  readonly seed: number;
  readonly epoch: number;
}

/** A dataset that makes whole batches by itself, of as many tensors as it likes. */
export interface BatchedDataset<Batch extends readonly Tensor[]> {
  /** Number of samples. */
  readonly length: number;
  /** One line for people: where the samples come from. */
  readonly description: string;
  /** Awaited before the first batch of an epoch, for whatever cannot be had at once. */
  open?(): Promise<void>;
  /** The samples `indices`, one after another along dimension 0 of each tensor. */
  batch(indices: ArrayLike<number>, draw: Draw): Batch;
}

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
export function assembleBatch(
  dataset: Dataset,
  indices: ArrayLike<number>,
  { seed, epoch }: Draw = { seed: 0, epoch: 0 },
): Batch {
  const sampleSize = sizeOf(dataset.sampleShape);
  const images = new Float32Array(indices.length * sampleSize);
  const labels = new Int32Array(indices.length);
  for (let position = 0; position < indices.length; position++) {
    const index = indices[position];
    const random = sampleRandom(seed, epoch, index);
    labels[position] = dataset.sample(index, images, position * sampleSize, random);
  }
  return { images, labels };
}

/** A dataset of single samples as one of batches: float32 samples and int32 classes. */
export function batched(dataset: Dataset): BatchedDataset<[Tensor, Tensor]> {
  return {
    length: dataset.length,
    description: dataset.description,
    batch(indices, draw) {
      const { images, labels } = assembleBatch(dataset, indices, draw);
      const shape = [indices.length, ...dataset.sampleShape];
      return [tensor(images, { shape }), tensor(labels, { shape: [indices.length] })];
    },
  };
}
