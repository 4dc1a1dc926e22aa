/** The data that `kiln train` trains and tests a model with, from any source. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import type { TraceableLoss } from "../../trace/trace.ts";
import type { ModelFile } from "../model-file.ts";
import type { OwnData, TrainableDataset } from "./own-training.ts";
import { OWN_DATA } from "./train-settings.ts";

/** Data to train and test a model with; values of images are between 0 and 1. */
export interface TrainingData {
  readonly train: TrainableDataset;
  readonly test: TrainableDataset;
  /** The source as given: `synthetic`, a path, or the model file's own. */
  readonly source: string;
  /** One sentence about where the samples come from and what was done to them. */
  readonly note: string;
  /** Whether these are images by class, for which the model outputs scores. */
  readonly areImages?: true;
  /** The loss that fits, if the model file leaves it open. */
  readonly loss?: TraceableLoss;
  /** How the inputs were encoded, for users of the model, in run.json. */
  readonly encoding?: object;
}

/** What the data is for. */
export interface DataRequest {
  readonly file: ModelFile;
  readonly batchSize: number;
  readonly seed: number;
}

/** The share that becomes the test set, of data without one. */
export const TEST_SHARE = 0.2;

/** The data of a model file as training data. */
export const brought = ({ train, test }: OwnData, path: string): TrainingData => ({
  train,
  test,
  source: OWN_DATA,
  note: `${train.length} training and ${test.length} test samples of ${path}.`,
});

/** Throws unless the samples have the shape that the model in `path` takes. */
export function checkFit({ train, source }: TrainingData, sample: Shape, path: string): void {
  if (!("sampleShape" in train) || sameShape(train.sampleShape, sample)) return;
  throw new KilnError(
    `the data and the model do not fit: the samples of --data ${source} have the shape ` +
      `${formatShape(train.sampleShape)}, but ${path} takes ${formatShape(sample)} (its inputs without the batch)`,
  );
}
