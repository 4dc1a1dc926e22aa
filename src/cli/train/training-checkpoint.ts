/** The checkpoint of `kiln train`: everything that the rest of a run depends on, in one file that is written whole. */

import { KilnError } from "../../core/errors.ts";
import type { Module, StateDict } from "../../nn/index.ts";
import type { OptimizerState } from "../../optim/index.ts";
import { checkpointBytes, load } from "../../runtime/files/checkpoint.ts";
import { type GeneratorState, generatorState, setGeneratorState } from "../../tensor/random.ts";
import { writeFiles } from "../output-folder.ts";
import type { CurveState } from "./loss-curve.ts";
import { OPTIMIZER_NAMES } from "./optimizers.ts";
import { restoreSchedule } from "./schedule.ts";
import type { OwnPart, RunSettings } from "./train-settings.ts";
import type { Compiled } from "./train-setup.ts";
import type { EpochRecord, Position } from "./training-loop.ts";

/** The name of the file in the --out folder. */
export const CHECKPOINT_FILE = "checkpoint.safetensors";

/** The output of a run so far. */
export interface History {
  readonly epochs: readonly EpochRecord[];
  readonly curve: CurveState;
}

/** The format and its version; version 1 had no metrics except accuracy. */
const VERSION = "kiln train 2";

export interface TrainingCheckpoint {
  /** Distinguishes it from other files, and from later versions. */
  readonly version: typeof VERSION;
  readonly settings: RunSettings;
  readonly position: Position;
  readonly history: History;
  readonly generator: GeneratorState;
  readonly model: StateDict;
  readonly optimizer: OptimizerState;
  /** The state of the model file's own schedule. */
  readonly schedule?: unknown;
}

/** Writes the checkpoints of a run to a folder, each replacing the last; no reader ever sees half of one. */
export class Checkpoints {
  private readonly folder: string;
  private readonly model: Module;
  private readonly compiled: Pick<Compiled, "optimizer" | "trainer" | "schedule">;
  private readonly settings: RunSettings;
  private readonly display: { readonly history: History };
  /** The position in the run, unless the checkpoint on disk has it already. */
  private unwritten: Position | undefined;

  constructor(
    folder: string,
    model: Module,
    compiled: Pick<Compiled, "optimizer" | "trainer" | "schedule">,
    settings: RunSettings,
    display: { readonly history: History },
  ) {
    this.folder = folder;
    this.model = model;
    this.compiled = compiled;
    this.settings = settings;
    this.display = display;
  }

  /** Writes a checkpoint after an epoch, and `every` so many steps. */
  async reached(position: Position, every = Number.POSITIVE_INFINITY): Promise<void> {
    this.unwritten = position;
    if (position.batch === 0 || this.compiled.trainer.stepCount % every === 0) await this.finish();
  }

  /** Writes what has not been written yet. */
  async finish(): Promise<void> {
    if (this.unwritten === undefined) return;
    const { schedule } = this.compiled;
    const checkpoint: TrainingCheckpoint = {
      version: VERSION,
      settings: this.settings,
      position: this.unwritten,
      history: this.display.history,
      generator: generatorState(),
      model: this.model.stateDict(),
      optimizer: this.compiled.optimizer.stateDict(),
      ...(schedule !== undefined && { schedule: schedule.scheduler.stateDict() }),
    };
    await writeFiles(this.folder, { [CHECKPOINT_FILE]: await checkpointBytes(checkpoint) });
    this.unwritten = undefined;
  }
}

/** Reads a checkpoint and checks everything that the model and the optimizer do not check themselves. */
export async function readCheckpoint(path: string): Promise<TrainingCheckpoint> {
  const given = await load<Partial<TrainingCheckpoint>>(path);
  if (Object(given).version === "kiln train 1") {
    throw new KilnError(`${path} was written by an earlier version of Kiln, and its run cannot be resumed`);
  }
  if (given.version !== VERSION) {
    throw new KilnError(`${path} is not a checkpoint of kiln train: it may hold parameters, but no run`);
  }
  const { settings, position, history } = given;
  const faults = [
    ...faultsIn("settings", settings, SETTINGS),
    ...faultsIn("position", position, POSITION),
    ...faultsIn("history.curve", history?.curve, CURVE),
    ...faultsIn("history", history, { epochs: isRecords }),
  ];
  if (faults.length > 0) throw new KilnError(`${path} is not a usable checkpoint: ${faults.join("; ")}`);
  return given as TrainingCheckpoint;
}

/** Restores a compiled run to its state when the checkpoint was written. */
export async function restore(
  { generator, model: parameters, optimizer: state, schedule: progress }: TrainingCheckpoint,
  model: Module,
  { optimizer, schedule }: Pick<Compiled, "optimizer"> & Partial<Pick<Compiled, "schedule">>,
): Promise<void> {
  await model.loadStateDict(parameters);
  await optimizer.loadStateDict(state);
  restoreSchedule(schedule, progress);
  setGeneratorState(generator);
}

type Check = (value: unknown) => boolean;

const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isNumbers: Check = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every(isNumber);
const isOptionalNumbers: Check = (value) => value === undefined || isNumbers(value);
const isRecords: Check = (value) =>
  Array.isArray(value) && value.every((record) => faultsIn("", record, RECORD).length === 0);

const OWN_PARTS: readonly unknown[] = ["data", "optimizer", "schedule"] satisfies OwnPart[];

const SETTINGS: Readonly<Record<keyof RunSettings, Check>> = {
  data: (value) => typeof value === "string",
  epochs: (value) => isCount(value) && value !== 0,
  batchSize: (value) => isCount(value) && value !== 0,
  optimizer: (value) => OPTIMIZER_NAMES.some((name) => name === value),
  lr: isNumber,
  decay: isNumber,
  momentum: (value) => value === undefined || isNumber(value),
  weightDecay: isNumber,
  seed: isCount,
  own: (value) => Array.isArray(value) && value.every((part) => OWN_PARTS.includes(part)),
};
const POSITION: Readonly<Record<keyof Position, Check>> = {
  epoch: (value) => isCount(value) && value !== 0,
  batch: isCount,
  samples: isCount,
  lossSum: isNumber,
  lossSums: isOptionalNumbers,
};
const RECORD: Readonly<Record<keyof EpochRecord, Check>> = {
  epoch: isCount,
  loss: isNumber,
  losses: isOptionalNumbers,
  metrics: isNumbers,
};
const CURVE: Readonly<Record<keyof CurveState, Check>> = {
  stepsPerPoint: isCount,
  stepsInLast: isCount,
  losses: (value) => Array.isArray(value) && value.every(isNumber),
};

const faultsIn = (what: string, value: unknown, checks: Readonly<Record<string, Check>>): string[] =>
  Object.entries(checks).flatMap(([name, isGood]) =>
    isGood(Object(value)[name]) ? [] : [`its ${what}.${name} is missing or cannot be`],
  );
