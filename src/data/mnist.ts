/** MNIST, and every dataset that comes as the same four IDX files, from a folder on disk. */

import { KilnError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { checkText } from "./arguments.ts";
import type { Dataset } from "./dataset.ts";
import { listFolder } from "./file.ts";
import { findPair, type Pair, readPair, spellings } from "./mnist-files.ts";
import { subset } from "./subset.ts";

/** The two halves of MNIST, and one sentence about where they come from. */
export interface Mnist {
  /** The training samples. */
  readonly train: Dataset;
  /** The test samples. */
  readonly test: Dataset;
  /** A note about them. */
  readonly note: string;
}

/** The part of a lone pair of files that becomes the training set. */
const TRAIN_SHARE = 0.8;

/**
 * Reads MNIST's files (`train-images-idx3-ubyte` and its three companions, packed with gzip or not) from
 * `folder`. Images are bytes 0 … 255 of shape `[1, rows, columns]`. Where only one pair of images and labels
 * is there, its first 80 % become the training set and the rest the test set; `note` says so.
 */
export async function loadMnist(folder: string): Promise<Mnist> {
  checkText("loadMnist", "the path of a folder", folder);
  const present = await listFolder(folder);
  const trainPair = findPair(folder, present, "train");
  const testPair = findPair(folder, present, "t10k");
  if (trainPair && testPair) {
    const [train, test] = [await readPair(trainPair), await readPair(testPair)];
    if (!sameShape(train.sampleShape, test.sampleShape)) {
      throw new KilnError(
        `the images of ${trainPair.images} have the shape ${formatShape(train.sampleShape)}, ` +
          `those of ${testPair.images} ${formatShape(test.sampleShape)}`,
      );
    }
    return { train, test, note: `${train.length} training and ${test.length} test images from ${folder}.` };
  }
  const onlyPair = trainPair ?? testPair;
  if (onlyPair) return splitPair(onlyPair);
  const wanted = [...spellings("train", "images"), ...spellings("train", "labels")].join(", ");
  throw new KilnError(
    `${folder} holds no MNIST files: looked for images and labels named ${wanted}, ` +
      `or the same with t10k for train, each also with .gz`,
  );
}

async function splitPair(pair: Pair): Promise<Mnist> {
  const all = await readPair(pair);
  const trainCount = Math.floor(all.length * TRAIN_SHARE);
  if (trainCount === 0) {
    throw new KilnError(`${pair.images} has 1 image, too few to split into a training and a test set`);
  }
  const note =
    `Only one pair of files is there: of the ${all.length} images of ${pair.images}, ` +
    `the first ${trainCount} are the training set and the other ${all.length - trainCount} the test set.`;
  return { train: subset(all, 0, trainCount), test: subset(all, trainCount), note };
}
