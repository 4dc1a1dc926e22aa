/** Cuts a dataset into batches of tensors, epoch after epoch, in an order that the seed decides. */

import { KilnError } from "../core/errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { type BatchedDataset, batched, epochOrder } from "./batch.ts";
import type { Dataset } from "./dataset.ts";
import { Prefetcher } from "./prefetch.ts";
import { checkSeed } from "./random.ts";

/** Options of {@link DataLoader}, as in PyTorch. */
export interface DataLoaderOptions {
  /** Samples in a batch, 1 unless told. */
  readonly batchSize?: number;
  /** Whether every epoch visits the samples in a new random order. */
  readonly shuffle?: boolean;
  /** Seed of the random order and of random transforms, 0 unless told. */
  readonly seed?: number;
  /** Whether a last batch of fewer samples is left out. */
  readonly dropLast?: boolean;
  /** Batches prepared ahead while the loop's body waits for something, such as a training step; 2 unless told. */
  readonly prefetch?: number;
}

/**
 * `for await (const [x, y] of loader)` goes through the dataset once, in batches: `x` is float32 of shape
 * `[batch, ...sampleShape]`, `y` the int32 classes of shape `[batch]`; a `TensorDataset` gives rows of its own
 * tensors instead. Each such loop is the next epoch. The order is a function of the seed and the epoch, what
 * random transforms do to a sample one of the seed, the epoch and the sample's index.
 */
export class DataLoader<Batch extends readonly Tensor[] = [Tensor, Tensor]> implements AsyncIterable<Batch> {
  readonly dataset: Dataset | BatchedDataset<Batch>;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly prefetch: number;
  /** Number of batches in an epoch. */
  readonly length: number;
  readonly #source: BatchedDataset<Batch>;
  readonly #seed: number;
  readonly #shuffle: boolean;
  #epoch = 0;

  constructor(dataset: Dataset | BatchedDataset<Batch>, options: DataLoaderOptions = {}) {
    const { batchSize = 1, shuffle = false, seed = 0, dropLast = false, prefetch = 2 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new KilnError(`DataLoader needs a batchSize of at least 1, not ${batchSize}`);
    }
    if (!Number.isInteger(prefetch) || prefetch < 0) {
      throw new KilnError(
        `DataLoader needs a prefetch of 0 or more batches to prepare ahead, not ${prefetch}`,
      );
    }
    checkSeed(seed);
    if (dropLast && dataset.length < batchSize) {
      throw new KilnError(
        `DataLoader with dropLast has no batch to give: batchSize is ${batchSize}, ` +
          `but the dataset has ${dataset.length} samples`,
      );
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.prefetch = prefetch;
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    // Single samples always make pairs, which is what `Batch` is unless the dataset says otherwise.
    this.#source =
      "batch" in dataset
        ? dataset
        : (batched(dataset) as BatchedDataset<readonly Tensor[]> as BatchedDataset<Batch>);
    this.#seed = seed;
    this.#shuffle = shuffle;
  }

  /** The epoch that the next loop over the loader goes through, counted from 0. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Makes the next loop go through `epoch`, and those after it through the following ones. */
  setEpoch(epoch: number): void {
    this.#epoch = checkedEpoch(epoch);
  }

  /** The batches of the next epoch: of epoch 0 at the first loop over the loader, then 1, and so on. */
  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    return this.batches(this.#epoch++);
  }

  /**
   * The batches of one given epoch, wherever the loader itself stands. A training that stopped within an epoch goes
   * on with batch `first`; those before it are not prepared.
   */
  async *batches(epoch: number, first = 0): AsyncGenerator<Batch, void, undefined> {
    const [source, seed] = [this.#source, this.#seed];
    const draw = { seed, epoch: checkedEpoch(epoch) };
    if (!Number.isInteger(first) || first < 0 || first > this.length) {
      throw new KilnError(`the first batch is one of the ${this.length} of an epoch, not ${first}`);
    }
    await source.open?.();
    const order = epochOrder(source.length, epoch, this.#shuffle ? seed : undefined);
    const count = this.length - first;
    const batches = new Prefetcher(count, this.prefetch, (position) => {
      const begin = (first + position) * this.batchSize;
      return source.batch(order.subarray(begin, begin + this.batchSize), draw);
    });
    try {
      for (let position = 0; position < count; position++) yield batches.take();
    } finally {
      batches.stop();
    }
  }
}

function checkedEpoch(epoch: number): number {
  if (Number.isSafeInteger(epoch) && epoch >= 0) return epoch;
  throw new KilnError(`an epoch is a whole number from 0 on, not ${epoch}`);
}
