/** Finds the data that `--data` of `kiln train` names, by what is at that path. */

import { KilnError } from "../../core/errors.ts";
import { type Shape, sameShape } from "../../core/shape.ts";
import { isFolder, listFolder } from "../../data/file.ts";
import {
  CIFAR10,
  compose,
  loadMnist,
  pad,
  scale,
  syntheticDigits,
  toTensor,
  withTransform,
} from "../../data/index.ts";
import { fileSize } from "../../files/read.ts";
import { imageFolderData, isImageFolder } from "./image-folder-data.ts";
import { TABLE_FILES, tableData } from "./table-data.ts";
import { textData } from "./text-data.ts";
import type { DataRequest, TrainingData } from "./training-data.ts";

/** The sides of the images that `syntheticDigits` draws. */
const SYNTHETIC_SIDES = { least: 12, most: 256, usual: 32 } as const;
/** MNIST's images have 28 pixels a side, and LeNet's input has 32. */
const PADDED = { from: [1, 28, 28], to: [1, 32, 32], amount: 2 } as const;
const CIFAR_FOLDER = "cifar-10-batches-bin";

/**
 * The data `source` names: `synthetic`, a table in CSV, a text, or a folder with images
 * by class, with a table's train.csv and test.csv, or with CIFAR-10's or MNIST's files.
 * Images still have their own shape if they cannot be made to fit the model's input.
 */
export async function loadTrainingData(source: string, request: DataRequest): Promise<TrainingData> {
  const sample = request.file.inputs[0].shape.slice(1);
  if (source === "synthetic") return synthetic(sample);
  if (/\.(csv|tsv)$/i.test(source)) return tableData(source, request);
  if (/\.txt$/i.test(source)) return textData(source, request);
  if (!(await isFolder(source)) && (await fileSize(source)) !== undefined) {
    throw new KilnError(
      `${source} is a file, where a folder was expected: files that are read end in .csv, .tsv or .txt`,
    );
  }
  const names = await listFolder(source);
  if (names.includes(CIFAR_FOLDER)) return cifar(source);
  if (TABLE_FILES.every((name) => names.includes(name))) return tableData(source, request);
  if (await isImageFolder(source)) return imageFolderData(source, request);
  return mnist(source, sample);
}

async function mnist(source: string, sample: Shape): Promise<TrainingData> {
  const { train, test, note } = await loadMnist(source);
  const isPadded = sameShape(train.sampleShape, PADDED.from) && sameShape(sample, PADDED.to);
  const toUnit = scale(1 / 255);
  const transform = isPadded ? compose(toUnit, pad(PADDED.amount)) : toUnit;
  return {
    train: withTransform(train, transform),
    test: withTransform(test, transform),
    source,
    areImages: true,
    note: isPadded ? `${note} Padded with zeros from 28×28 to 32×32.` : note,
  };
}

async function cifar(source: string): Promise<TrainingData> {
  const transform = toTensor();
  const [train, test] = await Promise.all([
    CIFAR10(source, { train: true, transform }),
    CIFAR10(source, { train: false, transform }),
  ]);
  const note = `${train.length} training and ${test.length} test images of CIFAR-10 from ${source}.`;
  return { train, test, source, areImages: true, note };
}

function synthetic([channels, rows, columns]: Shape): TrainingData {
  const isSquare = channels === 1 && rows === columns;
  const fits = isSquare && rows >= SYNTHETIC_SIDES.least && rows <= SYNTHETIC_SIDES.most;
  const size = fits ? rows : SYNTHETIC_SIDES.usual;
  const train = syntheticDigits({ train: true, size });
  const test = syntheticDigits({ train: false, size });
  return {
    train,
    test,
    source: "synthetic",
    areImages: true,
    note: `${train.length} training and ${test.length} test images of synthetic digits.`,
  };
}
