/** What `kiln train` is asked to do: its options, checked, with the defaults filled in. */

import { type BackendName, backendName, DEFAULT_BACKEND } from "../../../backends/registry.ts";
import { KilnError } from "../../core/errors.ts";
import type { Arguments } from "../command.ts";
import { choice, nonNegativeNumber, positiveNumber, wholeNumber } from "../values.ts";
import { checkMomentum, defaultsOf, OPTIMIZER_NAMES, type OptimizerName } from "./optimizers.ts";

/** What holds where nothing is asked for; LeNet learns the synthetic digits with these. */
export const DEFAULTS = { epochs: 6, decay: 0.3, seed: 0, data: "synthetic" } as const;

/** What decides the parameters that come out: a resumed run has to agree on it. */
export interface RunSettings {
  readonly data: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerName;
  readonly lr: number;
  /** What the learning rate is multiplied by for the last third of the epochs. */
  readonly decay: number;
  /** Absent where the optimizer has none. */
  readonly momentum?: number;
  readonly weightDecay: number;
  readonly seed: number;
  /** What the model file decides; the options for it are not given then, and what stands here for them has no meaning. */
  readonly own: readonly OwnPart[];
}

/** What a model file may bring along. */
export type OwnPart = "data" | "optimizer" | "schedule";

/** What stands for `--data` where the samples come from the model file. */
export const OWN_DATA = "model";

/** What was asked for; defaults are filled in but for the batch size, which the model file may give. */
export interface Settings extends Omit<RunSettings, "batchSize" | "data" | "own"> {
  readonly model: string;
  /** Absent where the model file decides whether it brings its own. */
  readonly data: string | undefined;
  readonly batchSize: number | undefined;
  readonly backend: BackendName;
  /** As many as the backend likes when absent. */
  readonly threads: number | undefined;
  readonly out: string | undefined;
  /** Where event files are written. */
  readonly tensorboard: string | undefined;
  /** After how many steps each a checkpoint is written, beside those after the epochs. */
  readonly checkpointEvery: number | undefined;
}

/**
 * Reads and checks the options of `kiln train`. Where a run is resumed, `stored` are its settings: they hold for all
 * that is not given, and what is given must be the same; the number of epochs alone may differ.
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

/** The settings that a checkpoint keeps. */
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

/** With other settings the run would not be the one that was begun. */
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

/** The first epoch, counted from 1, that has the decayed learning rate; behind the last one where none has it. */
export const firstDecayedEpoch = ({ epochs, decay }: Pick<Settings, "epochs" | "decay">): number =>
  decay === 1 ? epochs + 1 : epochs + 1 - Math.floor(epochs / 3);

/** The learning rate of an epoch, counted from 1. */
export const learningRateOf = (settings: Settings, epoch: number): number =>
  epoch < firstDecayedEpoch(settings) ? settings.lr : settings.lr * settings.decay;

/** The settings that have a meaning where the model file decides the rest. */
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

/** Throws for options that say what the model file decides, and where a resumed run had it from elsewhere. */
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
