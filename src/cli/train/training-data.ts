/** Where `kiln train` takes its samples from, and how they are made to fit a model's input. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { listFolder } from "../../data/file.ts";
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
import type { OwnData, TrainableDataset } from "./own-training.ts";
import { OWN_DATA } from "./train-settings.ts";

/** What a model is trained and tested with; values lie between 0 and 1. */
export interface TrainingData {
  readonly train: TrainableDataset;
  readonly test: TrainableDataset;
  /** What was asked for: `synthetic`, a folder, or the model file's own. */
  readonly source: string;
  /** One sentence about where the samples come from and what was done to them. */
  readonly note: string;
}

/** The sides of the images that `syntheticDigits` draws. */
const SYNTHETIC_SIDES = { least: 12, most: 256, usual: 32 } as const;
/** MNIST's images have 28 pixels a side, and LeNet's input has 32. */
const PADDED = { from: [1, 28, 28], to: [1, 32, 32], amount: 2 } as const;

/**
 * The data `source` names: `synthetic`, or a folder with MNIST's files. `sample` is the shape of the model's input
 * without the batch; the samples still have their own shape where they cannot be made to fit it.
 */
export async function loadTrainingData(source: string, sample: Shape): Promise<TrainingData> {
  if (source === "synthetic") return synthetic(sample);
  if (await isCifar(source)) return cifar(source);
  const { train, test, note } = await loadMnist(source);
  const isPadded = sameShape(train.sampleShape, PADDED.from) && sameShape(sample, PADDED.to);
  const toUnit = scale(1 / 255);
  const transform = isPadded ? compose(toUnit, pad(PADDED.amount)) : toUnit;
  return {
    train: withTransform(train, transform),
    test: withTransform(test, transform),
    source,
    note: isPadded ? `${note} Padded with zeros from 28×28 to 32×32.` : note,
  };
}

/** Whether the folder holds CIFAR-10's binary files. */
const isCifar = async (folder: string): Promise<boolean> =>
  (await listFolder(folder)).includes("cifar-10-batches-bin");

async function cifar(source: string): Promise<TrainingData> {
  const transform = toTensor();
  const [train, test] = await Promise.all([
    CIFAR10(source, { train: true, transform }),
    CIFAR10(source, { train: false, transform }),
  ]);
  const note = `${train.length} training and ${test.length} test images of CIFAR-10 from ${source}.`;
  return { train, test, source, note };
}

/** The data of a model file as training data. */
export const brought = ({ train, test }: OwnData, path: string): TrainingData => ({
  train,
  test,
  source: OWN_DATA,
  note: `${train.length} training and ${test.length} test samples of ${path}.`,
});

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
    note: `${train.length} training and ${test.length} test images of synthetic digits.`,
  };
}

/** Throws unless the samples have the shape that the model in `path` takes. */
export function checkFit({ train, source }: TrainingData, sample: Shape, path: string): void {
  if (!("sampleShape" in train) || sameShape(train.sampleShape, sample)) return;
  throw new KilnError(
    `the data and the model do not fit: the samples of --data ${source} have the shape ` +
      `${formatShape(train.sampleShape)}, but ${path} takes ${formatShape(sample)} (its inputs without the batch)`,
  );
}
