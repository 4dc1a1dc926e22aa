/** The pairs of IDX files that MNIST and its relatives consist of: their names, and how a pair is read. */

import { KilnError } from "../core/errors.ts";
import { ArrayDataset, type ArrayDatasetOptions, checkLabels, type Dataset } from "./dataset.ts";
import type { IdxArray } from "./idx.ts";
import { readIdxFile } from "./idx-file.ts";

const CLASSES = 10;

/** Paths of the two files that belong together. */
export interface Pair {
  readonly images: string;
  readonly labels: string;
}

/** Which half of the dataset, as the files name it. */
export type Half = "train" | "t10k";
type Part = "images" | "labels";

/** The two names in circulation for one file, without `.gz`. */
export function spellings(half: Half, part: Part): string[] {
  const type = part === "images" ? "idx3-ubyte" : "idx1-ubyte";
  return [`${half}-${part}-${type}`, `${half}-${part}.${type}`];
}

/** The pair of `half` among the names `present` in `folder`; throws when only one of its files is there. */
export function findPair(folder: string, present: readonly string[], half: Half): Pair | undefined {
  const find = (part: Part): string | undefined =>
    spellings(half, part)
      .flatMap((name) => [name, `${name}.gz`])
      .find((name) => present.includes(name));
  const images = find("images");
  const labels = find("labels");
  if (images === undefined && labels === undefined) return undefined;
  if (images === undefined || labels === undefined) {
    const missing: Part = images === undefined ? "images" : "labels";
    throw new KilnError(
      `${folder} has ${images ?? labels} but not the ${missing} that belong to it: ` +
        `looked for ${spellings(half, missing).join(", ")}, each also with .gz`,
    );
  }
  return { images: `${folder}/${images}`, labels: `${folder}/${labels}` };
}

/** Reads two files that belong together; images are bytes 0 … 255 of shape `[1, rows, columns]`. */
export async function readPair(
  pair: Pair,
  about: Pick<ArrayDatasetOptions, "classNames" | "description"> = {},
): Promise<Dataset> {
  const images = await readIdxFile(pair.images);
  const labels = await readIdxFile(pair.labels);
  checkRank(images, 3, "images (count x rows x columns)", pair.images);
  checkRank(labels, 1, "labels (count)", pair.labels);
  const [count, rows, columns] = images.shape;
  if (labels.shape[0] !== count) {
    throw new KilnError(
      `${pair.images} has ${count} images, but ${pair.labels} has ${labels.shape[0]} labels`,
    );
  }
  checkLabels(labels.data, CLASSES, pair.labels);
  return new ArrayDataset({
    images: images.data,
    labels: labels.data,
    sampleShape: [1, rows, columns],
    classes: CLASSES,
    description: pair.images,
    ...about,
  });
}

function checkRank(array: IdxArray, rank: number, meaning: string, fileName: string): void {
  if (array.shape.length === rank) return;
  throw new KilnError(
    `${fileName} has ${array.shape.length} dimensions (${array.shape.join(" x ")}), ` +
      `but ${meaning} have ${rank}`,
  );
}
