/** Several datasets side by side as one: sample `i` is sample `i` of each. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { checkDataset } from "./arguments.ts";
import { itemsOf } from "./batch.ts";
import { checkIndex, type Dataset, type ItemDataset } from "./dataset.ts";
import type { Random } from "./random.ts";

type Part = Dataset | ItemDataset<unknown>;

type ItemOf<D> = D extends ItemDataset<infer Item> ? Item : D extends Dataset ? [Tensor, number] : never;

/** What the samples of datasets in a list, or by name, are together. */
export type StackParts<Parts> = { -readonly [Key in keyof Parts]: ItemOf<Parts[Key]> };

/**
 * `new data.StackDataset(images, texts)` gives `[image, text]`, `new data.StackDataset({ images, texts })` gives
 * `{ images, texts }`, as in PyTorch. All must have equally many samples; random numbers are the same for each of them.
 */
class Stack {
  readonly datasets: Readonly<Record<string, Part>> | readonly Part[];
  readonly length: number;
  readonly description: string;
  readonly #parts: readonly (readonly [key: string, dataset: ItemDataset<unknown>])[];
  readonly #isList: boolean;

  constructor(...given: readonly unknown[]) {
    const [first] = given;
    const isObject = given.length === 1 && typeof first === "object" && first !== null;
    const isNamed = isObject && Object.getPrototypeOf(first) === Object.prototype && !isPart(first);
    const entries = Object.entries(isNamed ? (first as object) : given) as [string, Part][];
    if (entries.length === 0) {
      throw new KilnError(
        `StackDataset takes datasets, or an object of them by name, not ${given.length === 0 ? "nothing" : describeValue(first)}`,
      );
    }
    for (const [, dataset] of entries) checkDataset("StackDataset", dataset, "sample", "getItem");
    const lengths = entries.map(([, { length }]) => length);
    if (lengths.some((length) => length !== lengths[0])) {
      throw new KilnError(
        `StackDataset needs datasets with the same number of samples, but they have ${lengths.join(", ")}`,
      );
    }
    this.datasets = isNamed ? Object.fromEntries(entries) : entries.map(([, dataset]) => dataset);
    this.length = lengths[0];
    this.description = entries.map(([, { description }]) => description ?? "a dataset").join(" beside ");
    this.#parts = entries.map(([key, part]) => [key, "getItem" in part ? part : itemsOf(part)]);
    this.#isList = !isNamed;
  }

  async open(): Promise<void> {
    for (const [, part] of this.#parts) await part.open?.();
  }

  async getItem(index: number, random?: Random): Promise<unknown> {
    checkIndex(this, index);
    const items: [string, unknown][] = [];
    // One after the other: what they draw from one random source comes in their order.
    for (const [key, part] of this.#parts) items.push([key, await part.getItem(index, random)]);
    return this.#isList ? items.map(([, item]) => item) : Object.fromEntries(items);
  }
}

const isPart = (value: unknown): boolean => {
  const { getItem, sample } = Object(value) as Readonly<Record<string, unknown>>;
  return typeof getItem === "function" || typeof sample === "function";
};

/** Datasets side by side; what a sample is follows from theirs. */
export interface StackDataset<Parts> extends ItemDataset<StackParts<Parts>> {
  /** What it is composed of. */
  readonly datasets: Parts;
  readonly description: string;
}

interface StackDatasetClass {
  readonly prototype: StackDataset<unknown>;
  new <Parts extends readonly [Part, ...Part[]]>(...datasets: Parts): StackDataset<Parts>;
  new <Parts extends Readonly<Record<string, Part>>>(datasets: Parts): StackDataset<Parts>;
}

// One class at run time, whose samples follow from the datasets.
Object.defineProperty(Stack, "name", { value: "StackDataset" });
export const StackDataset: StackDatasetClass = Stack as unknown as StackDatasetClass;
