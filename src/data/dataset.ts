/**
 * The interface of datasets: numbered samples of one shape, each with a class. Samples are written into the caller's
 * array, so that a batch is assembled without an allocation per sample.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { checkSampleShape, isNumbers } from "./arguments.ts";
import type { Random } from "./random.ts";

/** Numbered samples of one shape with an integer class each. */
export interface Dataset {
  /** Number of samples. */
  readonly length: number;
  /** Shape of one sample, without the batch: `[1, 28, 28]` for a grey image. */
  readonly sampleShape: Shape;
  /** Number of classes, labels being `0 … classes - 1`; absent when it is not known. */
  readonly classes?: number;
  /** The names of the classes, in the order of their labels. */
  readonly classNames?: readonly string[];
  /** A one-line description: where the samples come from. */
  readonly description: string;
  /**
   * Writes sample `index` to `out` from `offset` on and returns its label. Random transforms draw from `random`,
   * which a loader makes from its seed, the epoch and the index; without it they draw as in epoch 0 of seed 0.
   */
  sample(index: number, out: Float32Array, offset: number, random?: Random): number;
}

/** Numbered samples of any kind, given one by one, as in PyTorch: tensors, numbers, tuples or objects of these. */
export interface ItemDataset<Item> {
  /** Number of samples. */
  readonly length: number;
  /** A one-line description: where the samples come from. */
  readonly description?: string;
  /** Awaited before the first batch of an epoch, for what is not available at once. */
  open?(): Promise<void>;
  /** Sample `index`. Random choices are drawn from `random`, which a loader makes as for a {@link Dataset}. */
  getItem(index: number, random?: Random): Item | Promise<Item>;
}

/** The contents of an {@link ArrayDataset}; `images` holds the samples one after another. */
export interface ArrayDatasetOptions {
  /** The samples, one after the other. */
  readonly images: Uint8Array | Float32Array;
  /** The class of each sample. */
  readonly labels: ArrayLike<number>;
  /** The shape of one sample, such as [1, 28, 28]. */
  readonly sampleShape: Shape;
  /** The number of classes. */
  readonly classes?: number;
  /** The names of the classes. */
  readonly classNames?: readonly string[];
  /** A one-line description. */
  readonly description?: string;
}

const OPTION_NAMES = {
  images: true,
  labels: true,
  sampleShape: true,
  classes: true,
  classNames: true,
  description: true,
} satisfies OptionNames<ArrayDatasetOptions>;

/** A dataset in memory, as two arrays. Bytes are delivered as the numbers 0 … 255. */
export class ArrayDataset implements Dataset {
  readonly length: number;
  readonly sampleShape: Shape;
  readonly classes?: number;
  readonly classNames?: readonly string[];
  readonly description: string;
  readonly #images: Uint8Array | Float32Array;
  readonly #labels: ArrayLike<number>;
  readonly #sampleSize: number;

  constructor(options: ArrayDatasetOptions) {
    checkOptionNames("ArrayDataset", options, OPTION_NAMES);
    const { images, labels, sampleShape, classes, classNames, description } = options;
    checkParts(options);
    this.length = labels.length;
    this.sampleShape = [...sampleShape];
    if (classes !== undefined) this.classes = classes;
    if (classNames !== undefined) this.classNames = classNames;
    this.description = description ?? `${labels.length} samples of shape ${formatShape(sampleShape)}`;
    this.#images = images;
    this.#labels = labels;
    this.#sampleSize = sizeOf(sampleShape);
    if (images.length !== this.length * this.#sampleSize) {
      throw new KilnError(
        `${this.length} labels need ${this.length} samples of shape ${formatShape(sampleShape)}, ` +
          `that is ${this.length * this.#sampleSize} values, but got ${images.length}`,
      );
    }
    checkLabels(labels, classes, "the labels");
  }

  sample(index: number, out: Float32Array, offset: number): number {
    checkIndex(this, index);
    const [images, size] = [this.#images, this.#sampleSize];
    const start = index * size;
    for (let i = 0; i < size; i++) out[offset + i] = images[start + i];
    return this.#labels[index];
  }
}

function checkParts({ images, labels, sampleShape, classes }: ArrayDatasetOptions): void {
  if (!(images instanceof Uint8Array || images instanceof Float32Array)) {
    throw new KilnError(
      `ArrayDataset needs images in a Uint8Array or a Float32Array, not ${describeValue(images)}`,
    );
  }
  if (!isNumbers(labels)) {
    throw new KilnError(
      `ArrayDataset needs labels, one number for each sample, not ${describeValue(labels)}`,
    );
  }
  checkSampleShape("ArrayDataset", sampleShape);
  if (classes !== undefined && !(Number.isSafeInteger(classes) && classes >= 1)) {
    throw new KilnError(
      `ArrayDataset needs classes of at least 1, their number, not ${describeValue(classes)}`,
    );
  }
}

/** A dataset's classes, for one that is derived from it. */
export function classesOf({ classes, classNames }: Dataset): Pick<Dataset, "classes" | "classNames"> {
  return {
    ...(classes === undefined ? {} : { classes }),
    ...(classNames === undefined ? {} : { classNames }),
  };
}

/** Throws unless `index` is one of the dataset's samples. */
export function checkIndex(dataset: { readonly length: number }, index: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < dataset.length)) {
    throw new KilnError(
      `sample ${typeof index === "number" ? index : describeValue(index)} does not exist: the dataset has ${dataset.length} samples`,
    );
  }
}

/** Throws unless every label is a whole number from 0 on and, where `classes` is known, below it. */
export function checkLabels(labels: ArrayLike<number>, classes: number | undefined, place: string): void {
  const limit = classes ?? Number.POSITIVE_INFINITY;
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index];
    if (Number.isInteger(label) && label >= 0 && label < limit) continue;
    const reason =
      classes === undefined
        ? "is not a whole number from 0 on"
        : `is outside the ${classes} classes 0..${classes - 1}`;
    throw new KilnError(`label ${label} at index ${index} of ${place} ${reason}`);
  }
}
