/** Several datasets one after another as one. */

import { KilnError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { checkDataset } from "./arguments.ts";
import { checkIndex, classesOf, type Dataset, type ItemDataset } from "./dataset.ts";
import type { Random } from "./random.ts";

type Part = Dataset | ItemDataset<unknown>;

/** `new data.ConcatDataset([a, b])`: the samples of `a`, then those of `b`, as in PyTorch. */
class Concatenation {
  readonly datasets: readonly Part[];
  readonly length: number;
  /** For each dataset, the number of samples up to its end. */
  readonly cumulativeSizes: readonly number[];
  readonly description: string;

  constructor(datasets: readonly Part[]) {
    const given = Array.isArray(datasets) ? datasets : [];
    if (given.length === 0) throw new KilnError("ConcatDataset takes a list of at least one dataset");
    for (const dataset of given) checkDataset("ConcatDataset", dataset, "sample", "getItem");
    let length = 0;
    this.datasets = [...given];
    this.cumulativeSizes = given.map((dataset) => {
      length += dataset.length;
      return length;
    });
    this.length = length;
    this.description = given.map(({ description }) => description ?? "a dataset").join(" and ");
    Object.assign(this, given.every(hasSamples) ? this.#samples(given) : this.#items(given));
  }

  /** Which dataset sample `index` is in, and where. */
  #find(index: number): readonly [dataset: number, index: number] {
    checkIndex(this, index);
    const k = this.cumulativeSizes.findIndex((end) => index < end);
    return [k, index - (this.cumulativeSizes[k - 1] ?? 0)];
  }

  #samples(datasets: readonly Dataset[]): Omit<Dataset, "length" | "description"> {
    const [first] = datasets;
    const { sampleShape } = first;
    const other = datasets.find((dataset) => !sameShape(dataset.sampleShape, sampleShape));
    if (other !== undefined) {
      throw new KilnError(
        `ConcatDataset needs samples of one shape, but those of its datasets have ${formatShape(sampleShape)} and ` +
          formatShape(other.sampleShape),
      );
    }
    const stranger = datasets.find((dataset) => !sameClasses(first, dataset));
    if (stranger !== undefined) {
      throw new KilnError(
        "ConcatDataset needs datasets of the same classes, for one label would mean two things: they have " +
          `${describeClasses(first)} and ${describeClasses(stranger)}`,
      );
    }
    const sample: Dataset["sample"] = (index, out, offset, random) => {
      const [k, within] = this.#find(index);
      return datasets[k].sample(within, out, offset, random);
    };
    return { sampleShape, ...classesOf(first), sample };
  }

  #items(datasets: readonly Part[]): Pick<ItemDataset<unknown>, "getItem" | "open"> {
    const items = datasets.map((dataset) => {
      if ("getItem" in dataset) return dataset;
      throw new KilnError(
        "ConcatDataset needs datasets that all have sample(), or all have getItem(): some of these have one and some the other",
      );
    });
    return {
      async open() {
        for (const dataset of items) await dataset.open?.();
      },
      getItem: (index: number, random?: Random) => {
        const [k, within] = this.#find(index);
        return items[k].getItem(within, random);
      },
    };
  }
}

const hasSamples = (dataset: Part): dataset is Dataset => "sample" in dataset;

const sameClasses = (a: Dataset, b: Dataset): boolean =>
  a.classes === b.classes && `${a.classNames ?? ""}` === `${b.classNames ?? ""}`;

const describeClasses = ({ classes, classNames }: Dataset): string =>
  classNames?.join(", ") ?? (classes === undefined ? "classes that are not known" : `${classes} classes`);

/** The members of a {@link ConcatDataset} besides those of its datasets. */
export interface ConcatDatasetParts {
  /** What it is composed of. */
  readonly datasets: readonly Part[];
  /** The number of samples up to the end of each dataset. */
  readonly cumulativeSizes: readonly number[];
}

interface ConcatDatasetClass {
  readonly prototype: ConcatDatasetParts;
  new (datasets: readonly Dataset[]): Dataset & ConcatDatasetParts;
  new <Item>(datasets: readonly ItemDataset<Item>[]): ItemDataset<Item> & ConcatDatasetParts;
}

// One class at run time, whose methods follow from the kind of its datasets.
Object.defineProperty(Concatenation, "name", { value: "ConcatDataset" });
/** Datasets one after the other (torch.utils.data.ConcatDataset). */
export const ConcatDataset: ConcatDatasetClass = Concatenation as unknown as ConcatDatasetClass;
