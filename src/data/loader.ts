/** Cuts a dataset into batches of tensors, epoch after epoch, in an order that the seed decides. */

import { KilnError } from "../core/errors.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { assembleBatch, epochOrder } from "./batch.ts";
import type { Dataset } from "./dataset.ts";
import { checkSeed } from "./random.ts";

/** Options of {@link DataLoader}, as in PyTorch. */
export interface DataLoaderOptions {
  /** Samples in a batch, 1 unless told. */
  readonly batchSize?: number;
  /** Whether every epoch visits the samples in a new random order. */
  readonly shuffle?: boolean;
  /** Seed of the random order, 0 unless told. */
  readonly seed?: number;
  /** Whether a last batch of fewer samples is left out. */
  readonly dropLast?: boolean;
}

/**
 * `for await (const [x, y] of loader)` goes through the dataset once, in batches: `x` is float32 of shape
 * `[batch, ...sampleShape]`, `y` the int32 classes of shape `[batch]`. Each such loop is the next epoch.
 */
export class DataLoader implements AsyncIterable<[Tensor, Tensor]> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly dropLast: boolean;
  /** Number of batches in an epoch. */
  readonly length: number;
  readonly #shuffleSeed: number | undefined;
  #nextEpoch = 0;

  constructor(dataset: Dataset, options: DataLoaderOptions = {}) {
    const { batchSize = 1, shuffle = false, seed = 0, dropLast = false } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new KilnError(`DataLoader needs a batchSize of at least 1, not ${batchSize}`);
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
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    this.#shuffleSeed = shuffle ? seed : undefined;
  }

  /** The batches of the next epoch: of epoch 0 at the first loop over the loader, then 1, and so on. */
  [Symbol.asyncIterator](): AsyncGenerator<[Tensor, Tensor], void, undefined> {
    return this.batches(this.#nextEpoch++);
  }

  /** The batches of one given epoch, wherever the loader itself stands; a resumed training starts there. */
  async *batches(epoch: number): AsyncGenerator<[Tensor, Tensor], void, undefined> {
    if (!Number.isSafeInteger(epoch) || epoch < 0) {
      throw new KilnError(`an epoch is a whole number from 0 on, not ${epoch}`);
    }
    const order = epochOrder(this.dataset.length, epoch, this.#shuffleSeed);
    for (let batch = 0; batch < this.length; batch++) {
      const indices = order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize);
      const { images, labels } = assembleBatch(this.dataset, indices);
      const shape = [indices.length, ...this.dataset.sampleShape];
      yield [tensor(images, { shape }), tensor(labels, { shape: [indices.length] })];
    }
  }
}
