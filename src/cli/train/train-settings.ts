/** The checked options of `kiln train`, with the defaults filled in. */

import { type BackendName, backendName, DEFAULT_BACKEND } from "../../../backends/registry.ts";
import { KilnError } from "../../core/errors.ts";
import type { Arguments } from "../command.ts";
import { choice, nonNegativeNumber, positiveNumber, wholeNumber } from "../values.ts";
import { checkMomentum, defaultsOf, OPTIMIZER_NAMES, type OptimizerName } from "./optimizers.ts";

/** The default settings, with which LeNet learns the synthetic digits. */
export const DEFAULTS = { epochs: 6, decay: 0.3, seed: 0, data: "synthetic" } as const;

/** The settings that determine the resulting parameters: a resumed run has to have the same. */
export interface RunSettings {
  readonly data: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerName;
  readonly lr: number;
  /** The factor of the learning rate in the last third of the epochs. */
  readonly decay: number;
  /** Absent if the optimizer has none. */
  readonly momentum?: number;
  readonly weightDecay: number;
  readonly seed: number;
  /** What the model file decides; the options for these are not given then, and their values here have no meaning. */
  readonly own: readonly OwnPart[];
}

/** What a model file may export for its training. */
export type OwnPart = "data" | "optimizer" | "schedule";

/** The value of `--data` if the samples come from the model file. */
export const OWN_DATA = "model";

/** The settings; defaults are filled in except for the batch size, which the model file may give. */
export interface Settings extends Omit<RunSettings, "batchSize" | "data" | "own"> {
  readonly model: string;
  /** Absent if the model file decides whether it has its own. */
  readonly data: string | undefined;
  readonly batchSize: number | undefined;
  readonly backend: BackendName;
  /** The backend's choice if absent. */
  readonly threads: number | undefined;
  readonly out: string | undefined;
  /** The folder of event files. */
  readonly tensorboard: string | undefined;
  /** The number of steps between checkpoints, in addition to those after the epochs. */
  readonly checkpointEvery: number | undefined;
}

/**
 * Reads and checks the options of `kiln train`. If a run is resumed, `stored` are its settings: they hold for all
 * that is not given, and what is given must be the same; only the number of epochs may differ.
 */
export function readSettings(given: Arguments, stored?: RunSettings): Settings {
  const optimizer = given.has("optimizer") ? choice(given, "optimizer", OPTIMIZER_NAMES) : stored?.optimizer;
  const name = optimizer ?? OPTIMIZER_NAMES[0];
  checkMomentum(name, given.has("momentum"));
  const usual = { ...DEFAULTS, data: undefined, ...defaultsOf(name), ...stored };
  const settings: Settings = {
    model: given.operands[0],
    data: given.get("data") ?? usual.data,
    epochs: wholeNumber(given, "epochs", usual.epochs, 1),
    batchSize: given.has("batch-size") ? wholeNumber(given, "batch-size", 1, 1) : stored?.batchSize,
    optimizer: name,
    lr: positiveNumber(given, "lr", usual.lr),
    decay: positiveNumber(given, "decay", usual.decay),
    ...(usual.momentum !== undefined && { momentum: nonNegativeNumber(given, "momentum", usual.momentum) }),
    weightDecay: nonNegativeNumber(given, "weight-decay", usual.weightDecay),
    backend: backendName(given.get("backend") ?? DEFAULT_BACKEND),
    threads: given.has("threads") ? wholeNumber(given, "threads", 1, 1) : undefined,
    seed: wholeNumber(given, "seed", usual.seed, 0),
    out: given.get("out"),
    tensorboard: given.get("tensorboard"),
    checkpointEvery: given.has("checkpoint-every") ? wholeNumber(given, "checkpoint-every", 1, 1) : undefined,
  };
  if (settings.checkpointEvery !== undefined && settings.out === undefined)
    throw new KilnError("--checkpoint-every needs --out, the folder that checkpoints are written to");
  if (stored !== undefined) checkAgreement(settings, stored);
  return settings;
}

/** The settings in a checkpoint. */
export function runSettings(
  settings: Settings,
  { data, batchSize, own }: Pick<RunSettings, "data" | "batchSize" | "own">,
): RunSettings {
  const { epochs, optimizer, lr, decay, momentum, weightDecay, seed } = settings;
  const always = { data, epochs, batchSize, optimizer, lr, decay, weightDecay, seed, own };
  return momentum === undefined ? always : { ...always, momentum };
}

const OPTION_NAMES = {
  data: "--data",
  batchSize: "--batch-size",
  optimizer: "--optimizer",
  lr: "--lr",
  decay: "--decay",
  momentum: "--momentum",
  weightDecay: "--weight-decay",
  seed: "--seed",
} satisfies Partial<Record<keyof RunSettings, string>>;

/** With other settings it would not be the run that was begun. */
function checkAgreement(settings: Settings, stored: RunSettings): void {
  const names = Object.keys(OPTION_NAMES) as (keyof typeof OPTION_NAMES)[];
  const faults = names.flatMap((name) =>
    settings[name] === stored[name]
      ? []
      : [`${OPTION_NAMES[name]} was ${stored[name]} and is ${settings[name]}`],
  );
  if (faults.length === 0) return;
  throw new KilnError(`the run cannot be resumed with other settings: ${faults.join(", ")}; leave them out`);
}

/** The first epoch, counted from 1, with the decayed learning rate; beyond the last one if there is none. */
export const firstDecayedEpoch = ({ epochs, decay }: Pick<Settings, "epochs" | "decay">): number =>
  decay === 1 ? epochs + 1 : epochs + 1 - Math.floor(epochs / 3);

/** The learning rate of an epoch, counted from 1. */
export const learningRateOf = (settings: Settings, epoch: number): number =>
  epoch < firstDecayedEpoch(settings) ? settings.lr : settings.lr * settings.decay;

/** The settings that have a meaning if the model file decides the rest. */
export function decided(settings: Settings, own: readonly OwnPart[]): Partial<Settings> {
  const { optimizer, lr, momentum, weightDecay, decay, ...others } = settings;
  const { length: hasOwnRate } = own.filter((part) => part !== "data");
  return {
    ...others,
    ...(own.includes("optimizer") ? {} : { optimizer, lr, weightDecay }),
    ...(own.includes("optimizer") || momentum === undefined ? {} : { momentum }),
    ...(hasOwnRate > 0 ? {} : { decay }),
  };
}

const OPTIONS_OF: Readonly<Record<OwnPart, readonly string[]>> = {
  data: [],
  optimizer: ["optimizer", "lr", "momentum", "weight-decay", "decay"],
  schedule: ["decay"],
};

/** Throws for options that the model file decides, and if a resumed run had other sources. */
export function checkOwnParts(
  given: Arguments,
  path: string,
  own: readonly OwnPart[],
  stored: RunSettings | undefined,
): void {
  for (const part of own) {
    const option = OPTIONS_OF[part].find((name) => given.has(name));
    if (option !== undefined) {
      throw new KilnError(
        `${path} exports its ${part}, so --${option} has no meaning: leave one of them out`,
      );
    }
  }
  const describe = (parts: readonly OwnPart[]): string =>
    parts.length === 0 ? "nothing" : parts.join(" and ");
  if (stored === undefined || describe(stored.own) === describe(own)) return;
  throw new KilnError(
    `the run cannot be resumed: it took ${describe(stored.own)} from the model file, which now exports ${describe(own)}`,
  );
}
