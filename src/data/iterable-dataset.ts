/** Samples that come one after another and have no indices: streams, generators, and files that are read from front to back. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";

/**
 * Samples without indices, like PyTorch's IterableDataset: whatever can be iterated over anew for every epoch, at once or by
 * awaiting each sample. If it has a `setEpoch`, that is called first; a `length`, if any, is the number of samples.
 */
export type IterableDataset<Item> = (AsyncIterable<Item> | Iterable<Item>) & {
  /** Number of samples, if it is known. */
  readonly length?: number;
  readonly description?: string;
  setEpoch?(epoch: number): void;
};

/**
 * Whether `value` yields samples without numbering them; lists
 * and strings do not count, since they are likely mistakes.
 */
export function isIterableDataset(value: unknown): value is IterableDataset<unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return false;
  if ("getItem" in value || "sample" in value || "batch" in value) return false;
  const given = value as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  return [given[Symbol.asyncIterator], given[Symbol.iterator]].some((f) => typeof f === "function");
}

/** How a loader cuts a stream into batches. */
export interface StreamBatching {
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly epoch: number;
  /** Batches at the start of the epoch that are passed over. */
  readonly first: number;
  readonly collate: (items: unknown[]) => unknown;
}

/** The batches of one epoch of `dataset`. Throws if there is none, as for an exhausted generator. */
export async function* streamBatches(
  dataset: IterableDataset<unknown>,
  { batchSize, dropLast, epoch, first, collate }: StreamBatching,
): AsyncGenerator<unknown, void, undefined> {
  dataset.setEpoch?.(epoch);
  let [items, batch, samples]: [unknown[], number, number] = [[], 0, 0];
  for await (const item of dataset) {
    samples++;
    items.push(item);
    if (items.length < batchSize) continue;
    if (batch++ >= first) yield await collate(items);
    items = [];
  }
  if (samples === 0) {
    throw new KilnError(
      `the dataset gives no sample in epoch ${epoch}: a generator can be iterated only once, so pass an object ` +
        "whose [Symbol.asyncIterator]() or [Symbol.iterator]() starts again",
    );
  }
  if (items.length > 0 && !dropLast && batch >= first) yield await collate(items);
}

/** Throws for options of a loader that need samples with numbers. */
export function checkStreamOptions(options: Readonly<Record<string, unknown>>): void {
  const numbered = ["shuffle", "sampler", "batchSampler"].find(
    (name) => options[name] !== undefined && options[name] !== false,
  );
  if (numbered === undefined) return;
  throw new KilnError(
    `DataLoader cannot use ${numbered} with a dataset that is only iterated over: its samples have no numbers`,
  );
}

/** How many batches an epoch of a stream has, where its length is known. */
export function streamBatchCount(
  dataset: IterableDataset<unknown>,
  batchSize: number,
  dropLast: boolean,
): number {
  const { length } = dataset;
  if (length !== undefined && Number.isSafeInteger(length) && length >= 0) {
    return (dropLast ? Math.floor : Math.ceil)(length / batchSize);
  }
  throw new KilnError(
    `the length of this DataLoader is not known: its dataset is iterated over and has ${
      length === undefined ? "no length" : `the length ${describeValue(length)}`
    }`,
  );
}
