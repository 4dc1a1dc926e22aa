/** The outputs of a model and the targets of its loss, which determine the meaning of a table's columns. */

import { KilnError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import type { TensorType } from "../../ir/types.ts";
import { MSELoss } from "../../nn/index.ts";
import { inMode } from "../../trace/mode.ts";
import { type TraceableLoss, traceModel } from "../../trace/trace.ts";
import type { ModelFile, TensorSpec } from "../model-file.ts";

/** Inputs or targets of the model file for another batch size. */
export function atBatchSize(
  { inputs }: Pick<ModelFile, "inputs">,
  specs: readonly TensorSpec[],
  batchSize: number,
): TensorSpec[] {
  const [fileBatch] = inputs[0].shape;
  return specs.map(({ shape: [batch, ...rest], dtype }) => ({
    dtype,
    shape: [batch === fileBatch ? batchSize : batch, ...rest],
  }));
}

/** The type of the model's one output; throws if there are several. */
export function outputOf(file: ModelFile, batchSize: number): TensorType {
  const inputs = atBatchSize(file, file.inputs, batchSize);
  const { outputs } = inMode(file.model, false, () => traceModel(file.model, inputs)).graph;
  if (outputs.length === 1) return outputs[0].value.type;
  const types = outputs.map(({ value: { type } }) => formatShape(type.shape));
  throw new KilnError(
    `kiln train --data feeds models of one output, but ${file.path} gives ${types.join(" and ")}: export a dataset`,
  );
}

/** How a model is taught: its loss and target. */
export interface Lesson {
  readonly output: TensorType;
  readonly loss: TraceableLoss;
  readonly target: TensorType;
}

/**
 * The loss of the model file and the target it needs. If the file exports no loss, scores
 * of several classes are compared with a class by cross-entropy, unless `count` columns are
 * to be predicted, and all other outputs with numbers by their mean squared error.
 */
export function lessonFor(file: ModelFile, batchSize: number, count: number): Lesson {
  const output = outputOf(file, batchSize);
  const areScores = count === 1 && output.shape.length === 2 && output.shape[1] > 1;
  const loss = file.exported?.loss === undefined && !areScores ? new MSELoss() : file.loss;
  const [target, ...more] = file.targets
    ? atBatchSize(file, file.targets, batchSize)
    : [loss.targetType?.(output) ?? output];
  if (more.length > 0) {
    throw new KilnError(
      `kiln train --data gives a loss one target, but ${file.path} has ${more.length + 1}: export a dataset`,
    );
  }
  return { output, loss, target };
}
