/** What `kiln train` is asked to do: its options, checked, with the defaults filled in. */

import { KilnError } from "../core/errors.ts";
import type { Arguments } from "./command.ts";
import { choice, nonNegativeNumber, positiveNumber, wholeNumber } from "./values.ts";

/** What holds where nothing is asked for; LeNet learns the synthetic digits with these. */
export const DEFAULTS = { epochs: 6, lr: 0.05, decay: 0.3, momentum: 0.9, weightDecay: 0, seed: 0 } as const;

/** What was asked for; defaults are filled in but for the batch size, which the model file may give. */
export interface Settings {
  readonly model: string;
  readonly data: string;
  readonly epochs: number;
  readonly batchSize: number | undefined;
  readonly optimizer: "sgd";
  readonly lr: number;
  /** What the learning rate is multiplied by for the last third of the epochs. */
  readonly decay: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly backend: string;
  readonly seed: number;
  readonly out: string | undefined;
}

/** Reads and checks the options of `kiln train`. */
export function readSettings(given: Arguments): Settings {
  const backend = given.get("backend") ?? "js";
  const threads = wholeNumber(given, "threads", 1, 1);
  if (threads > 1)
    throw new KilnError(`--threads must be 1, not ${threads}: the backend ${backend} has one thread`);
  return {
    model: given.operands[0],
    data: given.get("data") ?? "synthetic",
    epochs: wholeNumber(given, "epochs", DEFAULTS.epochs, 1),
    batchSize: given.has("batch-size") ? wholeNumber(given, "batch-size", 1, 1) : undefined,
    optimizer: choice(given, "optimizer", ["sgd"]),
    lr: positiveNumber(given, "lr", DEFAULTS.lr),
    decay: positiveNumber(given, "decay", DEFAULTS.decay),
    momentum: nonNegativeNumber(given, "momentum", DEFAULTS.momentum),
    weightDecay: nonNegativeNumber(given, "weight-decay", DEFAULTS.weightDecay),
    backend,
    seed: wholeNumber(given, "seed", DEFAULTS.seed, 0),
    out: given.get("out"),
  };
}

/** The first epoch, counted from 1, that has the decayed learning rate; behind the last one where none has it. */
export const firstDecayedEpoch = ({ epochs, decay }: Settings): number =>
  decay === 1 ? epochs + 1 : epochs + 1 - Math.floor(epochs / 3);

/** The learning rate of an epoch, counted from 1. */
export const learningRateOf = (settings: Settings, epoch: number): number =>
  epoch < firstDecayedEpoch(settings) ? settings.lr : settings.lr * settings.decay;
