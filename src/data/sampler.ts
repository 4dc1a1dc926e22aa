/** Which samples make which batch of an epoch: in order, shuffled, or as a sampler says. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { epochOrder } from "./batch.ts";
import { checkIndex } from "./dataset.ts";

/**
 * Gives the indices of an epoch's samples anew each time it is iterated over: an array, or anything that is iterable and has
 * a length. If it has a `setEpoch`, that is called first.
 */
export interface Sampler<Item = number> extends Iterable<Item> {
  /** The number of indices. */
  readonly length: number;
  /** Sets the epoch, on which the order depends. */
  setEpoch?(epoch: number): void;
}

/** What decides the batches. */
export interface Sampling {
  /** Samples in a batch; absent with a `batchSampler`. */
  readonly batchSize: number | undefined;
  readonly dropLast: boolean;
  /** Absent where samples come in order. */
  readonly shuffleSeed: number | undefined;
  readonly sampler: Sampler | undefined;
  readonly batchSampler: Sampler<ArrayLike<number>> | undefined;
}

/** Throws unless `value` can be iterated over and has a length. */
export function checkSampler(name: string, value: unknown, callee = "DataLoader"): void {
  const { length, [Symbol.iterator]: iterator } = Object(value) as Partial<Sampler>;
  const isSampler =
    typeof value === "object" && typeof iterator === "function" && Number.isSafeInteger(length);
  if (isSampler && (length as number) >= 0) return;
  throw new KilnError(
    `${callee} needs a ${name} that is iterable and has a length, such as an array of indices, not ${describeValue(value)}`,
  );
}

/** Number of batches in an epoch of a dataset of `samples` samples. */
export function batchCount(
  { batchSize = 1, dropLast, sampler, batchSampler }: Sampling,
  samples: number,
): number {
  if (batchSampler !== undefined) return batchSampler.length;
  return (dropLast ? Math.floor : Math.ceil)((sampler?.length ?? samples) / batchSize);
}

/** The indices of each batch of `epoch`. Throws for indices that `dataset` does not have. */
export function epochBatches(
  { batchSize = 1, dropLast, shuffleSeed, sampler, batchSampler }: Sampling,
  dataset: { readonly length: number },
  epoch: number,
): ArrayLike<number>[] {
  if (batchSampler !== undefined) {
    const batches = drawn("batchSampler", batchSampler, epoch).map((batch) =>
      Array.from(Object(batch) as ArrayLike<number>),
    );
    for (const batch of batches) {
      if (batch.length === 0) throw new KilnError("DataLoader's batchSampler gives an empty batch");
      for (const index of batch) checkIndex(dataset, index);
    }
    return batches;
  }
  const order =
    sampler === undefined ? epochOrder(dataset.length, epoch, shuffleSeed) : drawn("sampler", sampler, epoch);
  if (sampler !== undefined) for (let k = 0; k < order.length; k++) checkIndex(dataset, order[k]);
  const count = (dropLast ? Math.floor : Math.ceil)(order.length / batchSize);
  return Array.from({ length: count }, (_, k) => order.slice(k * batchSize, (k + 1) * batchSize));
}

/** What a sampler gives; it may not give more than it has said, which may have no end. */
function drawn<Item>(name: string, sampler: Sampler<Item>, epoch: number): Item[] {
  sampler.setEpoch?.(epoch);
  const items: Item[] = [];
  for (const item of sampler) {
    if (items.length === sampler.length) {
      throw new KilnError(
        `DataLoader's ${name} gives more than the ${sampler.length} that its length announces`,
      );
    }
    items.push(item);
  }
  return items;
}
