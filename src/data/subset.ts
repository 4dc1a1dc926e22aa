/** A part of a dataset as a dataset of the same kind. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { checkDataset, isNumbers } from "./arguments.ts";
import type { BatchedDataset, Draw } from "./batch.ts";
import { checkIndex, classesOf, type Dataset, type ItemDataset } from "./dataset.ts";
import type { Random } from "./random.ts";

/** A dataset of any kind whose samples have numbers. */
export type AnyDataset = Dataset | BatchedDataset<readonly Tensor[]> | ItemDataset<unknown>;

/** The samples `start … end - 1` of `dataset` as a dataset of their own (default: the end is that of the dataset). */
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
      `a subset from ${describeEnd(start)} up to ${describeEnd(end)} is not within a dataset of ${dataset.length} samples`,
    );
  }
  const description = `samples ${start} to ${end - 1} of ${dataset.description ?? "a dataset"}`;
  return selected(dataset, { length: end - start, description, at: (index) => start + index });
}

/** `new data.Subset(dataset, [3, 1, 4])`: the samples at these indices, in this order, as in PyTorch. */
class IndexSubset {
  readonly dataset: AnyDataset;
  readonly indices: ArrayLike<number>;

  constructor(dataset: AnyDataset, indices: ArrayLike<number>) {
    checkDataset("Subset", dataset, "sample", "batch", "getItem");
    if (!isNumbers(indices)) {
      throw new KilnError(`Subset takes the indices of its samples, not ${describeValue(indices)}`);
    }
    for (let k = 0; k < indices.length; k++) checkIndex(dataset, indices[k]);
    const description = `${indices.length} samples of ${dataset.description ?? "a dataset"}`;
    this.dataset = dataset;
    this.indices = indices;
    Object.assign(this, selected(dataset, { length: indices.length, description, at: (k) => indices[k] }));
  }
}

/** The members of a {@link Subset} besides those of a dataset. */
export interface SubsetParts<Whole> {
  /** What it is part of. */
  readonly dataset: Whole;
  /** The positions that are drawn from. */
  readonly indices: ArrayLike<number>;
}

/** A dataset of the same kind as the one it is a part of. */
export type Subset<Whole extends AnyDataset> = SubsetParts<Whole> & PartOf<Whole>;

interface SubsetClass {
  readonly prototype: SubsetParts<unknown>;
  new <Whole extends AnyDataset>(dataset: Whole, indices: ArrayLike<number>): Subset<Whole>;
}

/** What a part of a dataset can do: what the whole can do as a dataset, and nothing else that it may have. */
export type PartOf<Whole extends AnyDataset> = (Whole extends Dataset ? Dataset : unknown) &
  (Whole extends BatchedDataset<infer Batch> ? BatchedDataset<Batch> : unknown) &
  (Whole extends ItemDataset<infer Item> ? ItemDataset<Item> : unknown);

// One class at run time, whose methods follow from the kind of dataset.
Object.defineProperty(IndexSubset, "name", { value: "Subset" });
export const Subset: SubsetClass = IndexSubset as unknown as SubsetClass;

/** Which samples of another dataset a dataset has. */
interface Selection {
  readonly length: number;
  readonly description: string;
  /** The number in the whole of sample `index` of the part. */
  at(index: number): number;
}

/** The dataset that a selection makes of `dataset`, with all that `dataset` can do. */
function selected(dataset: AnyDataset, { length, description, at }: Selection): AnyDataset {
  const indexOf = (index: number): number => {
    checkIndex({ length }, index);
    return at(index);
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
