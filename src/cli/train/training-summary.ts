/** What `kiln train` prints before the first epoch and after the last one. */

import { sizeOf } from "../../core/shape.ts";
import { table } from "../command.ts";
import type { ModelFile } from "../model-file.ts";
import type { Outcome } from "../run-files.ts";
import { firstDecayedEpoch, learningRateOf, type Settings } from "./train-settings.ts";
import type { Compiled } from "./train-setup.ts";
import { CHECKPOINT_FILE } from "./training-checkpoint.ts";
import type { TrainingData } from "./training-data.ts";
import { describeMetrics, grouped, type TrainingDisplay } from "./training-display.ts";

/** Prints the model, its data, and the results of compiling. */
export function describeRun(
  { model, path }: ModelFile,
  { train: { length = 0 }, note }: TrainingData,
  { trainer, program, optimizer: made, schedule, own }: Compiled,
  settings: Settings & { readonly batchSize: number },
): void {
  const { kernels, memory } = trainer;
  const { optimizer, momentum, batchSize, epochs, backend, seed } = settings;
  const parameters = model.parameters().reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const seconds = (trainer.compileMilliseconds + program.compileMilliseconds) / 1000;
  console.log(`${model}\n`);
  const rows: [string, string][] = [
    ["model", `${path}, ${grouped(parameters)} parameters`],
    ["data", note],
    ["backend", backend],
    [
      "compiled",
      `in ${seconds.toFixed(2)} s: ${kernels.length} kernels for a training step, ${program.kernels.length} for testing`,
    ],
    [
      "memory",
      `arena ${kilobytes(memory.arenaBytes)}, parameters and optimizer state ${kilobytes(memory.parameterBytes)}`,
    ],
    [
      "training",
      `${counted(epochs, "epoch")} of ${counted(Math.ceil(length / batchSize), "step")}, batch size ${batchSize}, seed ${seed}`,
    ],
    [
      "optimizer",
      own.optimizer
        ? `${made.constructor.name} of the model file, lr ${made.paramGroups.map(({ lr }) => lr).join(", ")}`
        : [
            `${optimizer}, lr ${settings.lr}${own.rate ? "" : describeDecay(settings)}`,
            ...(momentum === undefined ? [] : [`momentum ${momentum}`]),
            `weight decay ${settings.weightDecay}`,
          ].join(", "),
    ],
    ...(schedule === undefined
      ? []
      : [
          [
            "schedule",
            `${schedule.scheduler.constructor.name} of the model file, after each ${schedule.interval}`,
          ] as [string, string],
        ]),
  ];
  console.log(`${table(rows)}\n`);
}

function describeDecay(settings: Settings): string {
  const first = firstDecayedEpoch(settings);
  if (first > settings.epochs) return "";
  return ` (${Number(learningRateOf(settings, first).toPrecision(6))} from epoch ${first} on)`;
}

/** `1 step`, `1,234 steps` */
const counted = (count: number, what: string): string => `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;

const kilobytes = (bytes: number): string => `${grouped(bytes / 1024)} KB`;

/** Prints the result of a run and where it is saved. */
export function conclude(
  { epochs }: TrainingDisplay,
  { totalSeconds, interrupted, steps }: Outcome,
  { out }: Settings,
): void {
  const last = epochs.at(-1);
  const measured = last && [...describeMetrics(last.metrics), `loss ${last.loss.toFixed(4)}`][0];
  const result = last && `${measured} after ${counted(last.epoch, "epoch")}, `;
  const prefix = interrupted ? "interrupted: " : "";
  console.log(`${prefix}${result ?? ""}${counted(steps, "step")} in ${totalSeconds.toFixed(1)} s`);
  if (out !== undefined) {
    const resumable = interrupted ? `; --resume ${out}/${CHECKPOINT_FILE} continues it` : "";
    console.log(`saved ${out}/model.safetensors and ${out}/run.json${resumable}`);
  }
  if (out === undefined && interrupted) console.log("nothing is saved without --out");
}
