/** Compiles a model for `kiln train`, once, and ensures that it can be trained and measured. */

import { setImmediate } from "node:timers/promises";
import { compile, compileTraining } from "../../compile.ts";
import { KilnError } from "../../core/errors.ts";
import { formatShape, sameShape } from "../../core/shape.ts";
import type { DataLoader } from "../../data/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { Program } from "../../runtime/programs/program.ts";
import type { Trainer } from "../../runtime/programs/trainer.ts";
import { Tensor, zeros } from "../../tensor/index.ts";
import type { ModelFile } from "../model-file.ts";
import type { Progress } from "../progress.ts";
import { type Metrics, ownMetrics, usualMetrics } from "./metrics.ts";
import { atBatchSize } from "./model-outputs.ts";
import { OPTIMIZERS } from "./optimizers.ts";
import { ownOptimizer, ownSchedule } from "./own-training.ts";
import type { Schedule } from "./schedule.ts";
import type { Settings } from "./train-settings.ts";

/** The two programs of a run. */
export interface Compiled {
  readonly trainer: Trainer;
  readonly program: Program;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule | undefined;
  /** Whether the model file decides the optimizer, and the learning rate. */
  readonly own: { readonly optimizer: boolean; readonly rate: boolean };
}

/** The training step, and the forward pass for testing; both work on the same parameters. */
export async function compileBoth(
  file: ModelFile,
  batchSize: number,
  settings: Settings,
  samples: number,
  progress: Progress,
): Promise<Compiled> {
  const { model, loss, path } = file;
  if (file.inputs.length !== 1) {
    throw new KilnError(`kiln train feeds one input, but ${path} has ${file.inputs.length}`);
  }
  const inputs = atBatchSize(file, file.inputs, batchSize);
  const { lr, momentum, weightDecay, backend, threads } = settings;
  // The check of the source has reported its warnings already.
  const where = { inputs, backend, warnings: false, ...(threads !== undefined && { threads }) };
  const given = { lr, weightDecay, ...(momentum !== undefined && { momentum }) };
  const brought = ownOptimizer(file, model.parameters());
  const optimizer = brought ?? OPTIMIZERS[settings.optimizer].make(model.parameters(), given);
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  const schedule = ownSchedule(file, optimizer, { epochs: settings.epochs, stepsPerEpoch });
  const targets = file.targets && { targets: atBatchSize(file, file.targets, batchSize) };
  progress.at(`compiling ${path}'s training step for ${backend}`);
  await setImmediate(); // so that the line is shown
  const trainer = await compileTraining(model, { ...where, loss, optimizer, ...targets });
  const own = { optimizer: brought !== undefined, rate: (brought ?? schedule) !== undefined };
  progress.at(`compiling ${path}'s forward pass for ${backend}`);
  await setImmediate();
  return { trainer, optimizer, schedule, own, program: await compile(model, where) };
}

/** Throws unless the model gives one score for each class, and the loss takes class numbers. */
export async function checkScores(
  program: Program,
  { path, inputs, loss }: ModelFile,
  batch: number,
): Promise<void> {
  const outputs = await program.run(zeros([batch, ...inputs[0].shape.slice(1)]));
  const [scores] = [outputs].flat();
  const isOne = !Array.isArray(outputs);
  if (!isOne || scores.ndim !== 2 || scores.size(0) !== batch) {
    const shapes = [outputs].flat().map(({ shape }) => formatShape(shape));
    throw new KilnError(
      `kiln train measures class scores of shape [batch,classes], but ${path} gives ${shapes.join(" and ")}`,
    );
  }
  const target = "targetType" in loss ? loss.targetType(scores) : undefined;
  if (target !== undefined && (target.dtype !== "int32" || target.shape.length !== 1)) {
    throw new KilnError(
      `kiln train gives the loss class numbers int32[${batch}], but the ${loss.constructor.name} of ${path} ` +
        `wants ${target.dtype}${formatShape(target.shape)}`,
    );
  }
}

/**
 * The metrics of a model, from a first batch of `samples` (their name in messages), whose shapes must suit the model.
 */
export async function metricsFor(
  program: Program,
  file: ModelFile,
  loader: DataLoader,
  samples: string,
): Promise<Metrics> {
  const [{ shape: wanted, dtype }] = file.inputs;
  for await (const batch of loader.batches(0)) {
    const [x, target, ...more]: readonly unknown[] = Array.isArray(batch) ? batch : [];
    if (!(x instanceof Tensor && target instanceof Tensor) || more.length > 0) {
      throw new KilnError(
        `${samples} must give pairs of an input and a target, such as [tensor, class], in its batches`,
      );
    }
    if (x.dtype !== dtype || !sameShape(x.shape.slice(1), wanted.slice(1))) {
      throw new KilnError(
        `the data and the model do not fit: the batches of ${samples} are ${x.dtype}${formatShape(x.shape)}, ` +
          `but the inputs of ${file.path} are ${dtype}${formatShape(wanted)}, the batch being the first extent`,
      );
    }
    return ownMetrics(file) ?? usualMetrics(await program.run(x), target);
  }
  throw new KilnError(`there are no test samples in ${samples}`);
}
