/** Cuts a dataset into batches of tensors, epoch after epoch, in an order that the seed or a sampler decides. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import type { Tensor } from "../tensor/index.ts";
import { checkDataset, checkFlag } from "./arguments.ts";
import { type BatchedDataset, type BatchSource, batchSource } from "./batch.ts";
import { type Collated, defaultCollate } from "./collate.ts";
import type { Dataset, ItemDataset } from "./dataset.ts";
import {
  checkStreamOptions,
  type IterableDataset,
  isIterableDataset,
  streamBatchCount,
  streamBatches,
} from "./iterable-dataset.ts";
import { Prefetcher } from "./prefetch.ts";
import { checkSeed } from "./random.ts";
import { batchCount, checkSampler, epochBatches, type Sampler, type Sampling } from "./sampler.ts";

/** Options of {@link DataLoader}, as in PyTorch. */
export interface DataLoaderOptions {
  /** Samples in a batch (default: 1). */
  readonly batchSize?: number;
  /** Whether every epoch visits the samples in a new random order. */
  readonly shuffle?: boolean;
  /** Seed of the random order and of random transforms (default: 0). */
  readonly seed?: number;
  /** Whether an incomplete last batch is left out. */
  readonly dropLast?: boolean;
  /** The indices of the samples in the order of an epoch, instead of `shuffle`. */
  readonly sampler?: Sampler;
  /** The indices of each batch, instead of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  readonly batchSampler?: Sampler<ArrayLike<number>>;
  /** Batches prepared ahead while the loop's body waits for something, such as a training step (default: 2). */
  readonly prefetch?: number;
  /** Must be 0: batches are prepared in this thread. `prefetch` prepares them ahead. */
  readonly numWorkers?: 0;
}

/** Options with a function that makes a batch of a list of samples, such as `defaultCollate`, the default. */
export interface CollatingOptions<Item, Batch> extends DataLoaderOptions {
  /** Makes a batch of the samples of a list. */
  readonly collateFn: (items: Item[]) => Batch | Promise<Batch>;
}

const OPTION_NAMES = {
  batchSize: true,
  shuffle: true,
  seed: true,
  dropLast: true,
  sampler: true,
  batchSampler: true,
  collateFn: true,
  prefetch: true,
  numWorkers: true,
} satisfies OptionNames<CollatingOptions<unknown, unknown>>;

class Loader<Batch = [Tensor, Tensor]> implements AsyncIterable<Batch> {
  readonly dataset:
    | Dataset
    | BatchedDataset<readonly Tensor[]>
    | ItemDataset<unknown>
    | IterableDataset<unknown>;
  /** Samples in a batch; absent if a `batchSampler` decides. */
  readonly batchSize: number | undefined;
  readonly dropLast: boolean;
  readonly prefetch: number;
  /** Where batches of samples with numbers come from. */
  readonly #source: BatchSource<unknown> | undefined;
  readonly #collate: (items: unknown[]) => unknown;
  readonly #seed: number;
  readonly #sampling: Sampling;
  #epoch = 0;

  constructor(
    dataset: Loader["dataset"],
    options: DataLoaderOptions & Partial<CollatingOptions<unknown, Batch>> = {},
  ) {
    const isStream = isIterableDataset(dataset);
    if (!isStream) checkDataset("DataLoader", dataset, "getItem", "sample", "batch");
    checkOptionNames("DataLoader", options, OPTION_NAMES);
    const { seed = 0, prefetch = 2, collateFn } = options;
    if (!Number.isInteger(prefetch) || prefetch < 0) {
      throw new KilnError(
        `DataLoader needs a prefetch of 0 or more batches to prepare ahead, not ${describeNumber(prefetch)}`,
      );
    }
    checkSeed(seed);
    checkWorkers(options.numWorkers);
    if (collateFn !== undefined && typeof collateFn !== "function") {
      throw new KilnError(
        `DataLoader needs a collateFn that makes a batch of a list of samples, not ${describeValue(collateFn)}`,
      );
    }
    const sampling = readSampling(options, seed);
    if (isStream) checkStreamOptions({ ...options });
    const { batchSize, dropLast, sampler } = sampling;
    const samples = sampler?.length ?? dataset.length ?? Number.POSITIVE_INFINITY;
    if (batchSize !== undefined && dropLast && samples < batchSize) {
      throw new KilnError(
        `DataLoader with dropLast has no batch to give: batchSize is ${batchSize}, ` +
          `but the ${sampler === undefined ? "dataset" : "sampler"} has ${samples} samples`,
      );
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.prefetch = prefetch;
    this.#source = isStream ? undefined : batchSource(dataset, collateFn);
    this.#collate = (collateFn as ((items: unknown[]) => unknown) | undefined) ?? defaultCollate;
    this.#seed = seed;
    this.#sampling = sampling;
  }

  /** Number of batches in an epoch; throws if the dataset is iterated over and has no length. */
  get length(): number {
    const { dataset } = this;
    if (!isIterableDataset(dataset)) return batchCount(this.#sampling, dataset.length);
    return streamBatchCount(dataset, this.batchSize ?? 1, this.dropLast);
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
   * The batches of a given epoch, independent of the loader's own. A training that stopped within an epoch continues
   * with batch `first`; those before it are not prepared, unless the dataset can only be iterated over.
   */
  async *batches(epoch: number, first = 0): AsyncGenerator<Batch, void, undefined> {
    const [source, { dataset, batchSize = 1, dropLast }] = [this.#source, this];
    const draw = { seed: this.#seed, epoch: checkedEpoch(epoch) };
    const known = source === undefined ? Number.POSITIVE_INFINITY : this.length;
    if (!Number.isInteger(first) || first < 0 || first > known) {
      throw new KilnError(
        `the first batch is one of the ${source === undefined ? "batches" : known} of an epoch, not ${describeNumber(first)}`,
      );
    }
    if (source === undefined || isIterableDataset(dataset)) {
      const batching = { batchSize, dropLast, epoch, first, collate: this.#collate };
      yield* streamBatches(dataset as IterableDataset<unknown>, batching) as AsyncGenerator<Batch>;
      return;
    }
    await source.open?.();
    const all = epochBatches(this.#sampling, dataset, epoch);
    const count = Math.max(0, all.length - first);
    const batches = new Prefetcher(count, this.prefetch, (position) => {
      const batch = source.batch(all[first + position], draw) as Batch | Promise<Batch>;
      // An error while preparing ahead is thrown when the batch is asked for.
      if (batch instanceof Promise) batch.catch(() => undefined);
      return batch;
    });
    try {
      for (let position = 0; position < count; position++) yield batches.take();
    } finally {
      batches.stop();
    }
  }
}

/**
 * `for await (const [x, y] of loader)` goes through the dataset once, in batches: of a `Dataset`, `x` is float32 of
 * shape `[batch, ...sampleShape]`, `y` the int32 classes of shape `[batch]`; a `TensorDataset` gives rows of its own
 * tensors; items from `getItem` or an iterator are collated by `collateFn`, or as by PyTorch's default_collate. Each
 * such loop is the next epoch. The order is a function of the seed and the epoch, or a sampler's; the effect of random
 * transforms on a sample is a function of the seed, the epoch and the sample's index.
 *
 * ```ts
 * const dataset = new data.TensorDataset(images, tensor(labels, { dtype: "int32" }));
 * const loader = new data.DataLoader(dataset, { batchSize: 32, shuffle: true });
 * for await (const [x, y] of loader) console.log(x.shape, y.shape); // [32, 1, 28, 28] [32]
 * ```
 */
export type DataLoader<Batch = [Tensor, Tensor]> = Loader<Batch>;

interface DataLoaderClass {
  readonly prototype: Loader<unknown>;
  new <Item, Batch>(dataset: ItemDataset<Item>, options: CollatingOptions<Item, Batch>): DataLoader<Batch>;
  new <Batch>(dataset: Dataset, options: CollatingOptions<[Tensor, number], Batch>): DataLoader<Batch>;
  new (dataset: Dataset, options?: DataLoaderOptions): DataLoader;
  new <Batch extends readonly Tensor[]>(
    dataset: BatchedDataset<Batch>,
    options?: DataLoaderOptions,
  ): DataLoader<Batch>;
  new <Item>(dataset: ItemDataset<Item>, options?: DataLoaderOptions): DataLoader<Collated<Item>>;
  new <Item, Batch>(
    dataset: IterableDataset<Item>,
    options: CollatingOptions<Item, Batch>,
  ): DataLoader<Batch>;
  new <Item>(dataset: IterableDataset<Item>, options?: DataLoaderOptions): DataLoader<Collated<Item>>;
}

// One class at run time, whose type follows from the kind of dataset.
Object.defineProperty(Loader, "name", { value: "DataLoader" });
export const DataLoader: DataLoaderClass = Loader as unknown as DataLoaderClass;

function readSampling(options: DataLoaderOptions, seed: number): Sampling {
  const { shuffle = false, dropLast = false, sampler, batchSampler } = options;
  checkFlag("DataLoader", "shuffle", shuffle);
  checkFlag("DataLoader", "dropLast", dropLast);
  if (sampler !== undefined) checkSampler("sampler", sampler);
  if (batchSampler !== undefined) {
    checkSampler("batchSampler", batchSampler);
    const others = ["batchSize", "shuffle", "sampler", "dropLast"] as const;
    const other = others.find((name) => options[name] !== undefined && options[name] !== false);
    if (other !== undefined) {
      throw new KilnError(
        `DataLoader takes a batchSampler, which decides every batch, or ${other}, not both`,
      );
    }
    return { batchSize: undefined, dropLast, shuffleSeed: undefined, sampler, batchSampler };
  }
  if (sampler !== undefined && shuffle) {
    throw new KilnError("DataLoader takes a sampler, which decides the order, or shuffle, not both");
  }
  const { batchSize = 1 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new KilnError(`DataLoader needs a batchSize of at least 1, not ${describeNumber(batchSize)}`);
  }
  return { batchSize, dropLast, shuffleSeed: shuffle ? seed : undefined, sampler, batchSampler };
}

function checkWorkers(numWorkers: unknown): void {
  if (numWorkers === undefined || numWorkers === 0) return;
  throw new KilnError(
    `DataLoader prepares batches in this thread, so numWorkers can only be 0, not ${describeNumber(numWorkers)}; ` +
      "prefetch says how many it prepares ahead",
  );
}

function checkedEpoch(epoch: number): number {
  if (Number.isSafeInteger(epoch) && epoch >= 0) return epoch;
  throw new KilnError(`an epoch is a whole number from 0 on, not ${describeNumber(epoch)}`);
}

const describeNumber = (value: unknown): string =>
  typeof value === "number" ? `${value}` : describeValue(value);
