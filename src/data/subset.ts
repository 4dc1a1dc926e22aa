/** A part of a dataset as a dataset of its own, of whatever kind the whole is. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { checkDataset } from "./arguments.ts";
import type { BatchedDataset, Draw } from "./batch.ts";
import { checkIndex, classesOf, type Dataset, type ItemDataset } from "./dataset.ts";
import type { Random } from "./random.ts";

type AnyDataset = Dataset | BatchedDataset<readonly Tensor[]> | ItemDataset<unknown>;

/** The samples `start … end - 1` of `dataset` as a dataset of their own; the end is that of the dataset unless told. */
export function subset(dataset: Dataset, start: number, end?: number): Dataset;
export function subset<Batch extends readonly Tensor[], Item>(
  dataset: BatchedDataset<Batch> & ItemDataset<Item>,
  start: number,
  end?: number,
): BatchedDataset<Batch> & ItemDataset<Item>;
export function subset<Batch extends readonly Tensor[]>(
  dataset: BatchedDataset<Batch>,
  start: number,
  end?: number,
): BatchedDataset<Batch>;
export function subset<Item>(dataset: ItemDataset<Item>, start: number, end?: number): ItemDataset<Item>;
export function subset(dataset: AnyDataset, start: number, end: number = Object(dataset).length): AnyDataset {
  checkDataset("subset", dataset, "sample", "batch", "getItem");
  const whole = Number.isInteger(start) && Number.isInteger(end);
  if (!whole || start < 0 || end <= start || end > dataset.length) {
    throw new KilnError(
      `a subset from ${describeEnd(start)} up to ${describeEnd(end)} does not lie in a dataset of ${dataset.length} samples`,
    );
  }
  const length = end - start;
  const description = `samples ${start} to ${end - 1} of ${dataset.description ?? "a dataset"}`;
  const indexOf = (index: number): number => {
    checkIndex({ length }, index);
    return start + index;
  };
  const open = "open" in dataset && dataset.open && { open: () => dataset.open?.() ?? Promise.resolve() };
  const getItem = "getItem" in dataset && {
    getItem: (index: number, random?: Random) => dataset.getItem(indexOf(index), random),
  };
  if ("batch" in dataset) {
    const batch = (indices: ArrayLike<number>, draw: Draw) =>
      dataset.batch(Array.from(indices, indexOf), draw);
    return { length, description, ...open, ...getItem, batch };
  }
  if ("sample" in dataset) {
    const { sampleShape } = dataset;
    const sample: Dataset["sample"] = (index, out, offset, random) =>
      dataset.sample(indexOf(index), out, offset, random);
    return { length, sampleShape, ...classesOf(dataset), description, ...getItem, sample };
  }
  return {
    length,
    description,
    ...open,
    getItem: (index, random) => dataset.getItem(indexOf(index), random),
  };
}

const describeEnd = (value: unknown): string =>
  typeof value === "number" ? `${value}` : describeValue(value);
