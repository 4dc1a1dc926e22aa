/** How batches are made: the order of an epoch, and samples gathered into arrays and tensors. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { defaultCollate } from "./collate.ts";
import type { Dataset, ItemDataset } from "./dataset.ts";
import { Random, sampleRandom } from "./random.ts";

/** What the random transforms of a batch depend on, besides each sample's index. */
export interface Draw {
  /** The seed of random transforms. */
  readonly seed: number;
  /** The number of the epoch, from 0. */
  readonly epoch: number;
}

/** A dataset that makes whole batches itself, of any number of tensors. */
export interface BatchedDataset<Batch extends readonly Tensor[]> {
  /** Number of samples. */
  readonly length: number;
  /** A one-line description: where the samples come from. */
  readonly description: string;
  /** Awaited before the first batch of an epoch, for what is not available at once. */
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
  return shuffleSeed === undefined
    ? Uint32Array.from({ length }, (_, index) => index)
    : new Random(shuffleSeed, "order", epoch).permutation(length);
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
    labels[position] = checkedLabel(dataset.sample(index, images, position * sampleSize, random), index);
  }
  return { images, labels };
}

/** A missing label would otherwise become class 0. */
function checkedLabel(label: number, index: number): number {
  if (label === (label | 0)) return label;
  const found = typeof label === "number" ? label : describeValue(label);
  throw new KilnError(
    `sample() of a dataset gives the label of a sample, a whole number, not ${found} for sample ${index}`,
  );
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

/** What a loader takes batches from. */
export interface BatchSource<Batch> {
  open?(): Promise<void>;
  batch(indices: ArrayLike<number>, draw: Draw): Batch | Promise<Batch>;
}

type Collate = (items: unknown[]) => unknown;

/** The batches of a dataset of any kind; those of single items are made by `collateFn`, or as PyTorch makes them. */
export function batchSource(
  dataset: Dataset | BatchedDataset<readonly Tensor[]> | ItemDataset<unknown>,
  collateFn: Collate | undefined,
): BatchSource<unknown> {
  if (collateFn === undefined) {
    if ("batch" in dataset) return dataset;
    return "sample" in dataset ? batched(dataset) : collating(dataset, defaultCollate);
  }
  if ("getItem" in dataset) return collating(dataset, collateFn);
  if ("sample" in dataset) return collating(itemsOf(dataset), collateFn);
  throw new KilnError(
    "DataLoader with a collateFn needs a dataset with getItem() or sample(), and this one makes whole batches by itself",
  );
}

const collating = (dataset: ItemDataset<unknown>, collate: Collate): BatchSource<unknown> => ({
  open: async () => dataset.open?.(),
  async batch(indices, { seed, epoch }) {
    const item = async (index: number): Promise<unknown> =>
      dataset.getItem(index, sampleRandom(seed, epoch, index));
    return collate(await Promise.all(Array.from(indices, item)));
  },
});

/** A dataset of samples with a class each as one of pairs. */
export function itemsOf(dataset: Dataset): ItemDataset<[Tensor, number]> {
  const { length, sampleShape } = dataset;
  return {
    length,
    getItem(index, random) {
      const sample = new Float32Array(sizeOf(sampleShape));
      const label = checkedLabel(dataset.sample(index, sample, 0, random), index);
      return [tensor(sample, { shape: sampleShape }), label];
    },
  };
}
