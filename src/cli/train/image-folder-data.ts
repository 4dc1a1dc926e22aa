/** Folders of images as training data, converted to the channels and the size that a model takes. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { listFolder } from "../../data/file.ts";
import { classFolders } from "../../data/image-folder.ts";
import {
  compose,
  ImageFolder,
  type ImageFolderDataset,
  type ImageFolderOptions,
  randomSplit,
  resize,
  toTensor,
} from "../../data/index.ts";
import { outputOf } from "./model-outputs.ts";
import { type DataRequest, TEST_SHARE, type TrainingData } from "./training-data.ts";

/** Names of the test images' folder next to `train`. */
const TEST_FOLDERS = ["test", "val", "valid", "validation"];

/** Whether a folder contains classes, or `train` and `test` with classes in them. */
export async function isImageFolder(folder: string): Promise<boolean> {
  for (const name of await classFolders(folder)) {
    const within = [
      `${folder}/${name}`,
      ...(await classFolders(`${folder}/${name}`)).map((n) => `${folder}/${name}/${n}`),
    ];
    for (const path of within) {
      if ((await listFolder(path)).some((file) => /\.(png|jpe?g)$/i.test(file))) return true;
    }
  }
  return false;
}

/** The images of `source/train` and `source/test`, or those of `source`, part of which becomes the test set. */
export async function imageFolderData(source: string, request: DataRequest): Promise<TrainingData> {
  const { file, seed } = request;
  const options = optionsFor(file.inputs[0].shape, file.path);
  const [, , rows, columns] = file.inputs[0].shape;
  const size = `brought to ${rows}×${columns} pixels`;
  const folders = await classFolders(source);
  const test = TEST_FOLDERS.find((name) => folders.includes(name));
  if (folders.includes("train") && test !== undefined) {
    const [seen, unseen] = [
      await ImageFolder(`${source}/train`, options),
      await ImageFolder(`${source}/${test}`, options),
    ];
    checkSameClasses(seen, unseen, source, test);
    checkClasses(seen, source, request);
    const encoding = { classNames: seen.classNames };
    const note = `${seen.length} training and ${unseen.length} test images of ${seen.classes} classes from ${source}, ${size}.`;
    return { train: seen, test: unseen, source, note, areImages: true, encoding };
  }
  const all = await ImageFolder(source, options);
  checkClasses(all, source, request);
  const encoding = { classNames: all.classNames };
  const [seen, unseen] = randomSplit(all, [1 - TEST_SHARE, TEST_SHARE], { seed });
  if (unseen.length === 0) {
    throw new KilnError(`${source} has 1 image, too few to split into a training and a test set`);
  }
  const note = `${seen.length} training and ${unseen.length} test images of ${all.classes} classes from ${source}, split at random, ${size}.`;
  return { train: seen, test: unseen, source, note, areImages: true, encoding };
}

/** Throws if the model's output is a matrix of fewer scores than there are classes. */
function checkClasses(
  { classes }: ImageFolderDataset,
  source: string,
  { file, batchSize }: DataRequest,
): void {
  const { shape } = outputOf(file, batchSize);
  if (shape.length !== 2 || shape[1] >= classes) return;
  throw new KilnError(
    `${source} has ${classes} classes, but ${file.path} gives scores of ${shape[1]}: ${formatShape(shape)}`,
  );
}

function optionsFor(shape: readonly number[], path: string): ImageFolderOptions {
  const [, channels, rows, columns] = shape;
  if (shape.length === 4 && (channels === 1 || channels === 3 || channels === 4)) {
    return { channels, transform: compose(resize([rows, columns]), toTensor()) };
  }
  throw new KilnError(
    `images are fed as [batch, channels, rows, columns] with 1, 3 or 4 channels, but ${path} takes ${formatShape(shape)}`,
  );
}

function checkSameClasses(
  train: ImageFolderDataset,
  test: ImageFolderDataset,
  source: string,
  name: string,
): void {
  const stranger =
    test.classNames.find((c) => !train.classNames.includes(c)) ??
    train.classNames.find((c) => !test.classNames.includes(c));
  if (stranger === undefined) return;
  const [has, lacks] = train.classNames.includes(stranger) ? ["train", name] : [name, "train"];
  throw new KilnError(
    `${source}/${has} has a class ${stranger}, and ${source}/${lacks} has none: numbers of classes would not agree`,
  );
}
