/** The optimizers that `kiln train` offers, with default settings that train small networks. */

import { KilnError } from "../../core/errors.ts";
import type { Parameter } from "../../nn/index.ts";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  NAdam,
  type Optimizer,
  RAdam,
  RMSprop,
  SGD,
} from "../../optim/index.ts";

/** The settings of an optimizer on the command line. */
export interface OptimizerSettings {
  readonly lr: number;
  /** Absent if the optimizer has no such setting. */
  readonly momentum?: number;
  readonly weightDecay: number;
}

interface Offer {
  /** The default settings; an optimizer without momentum has none. */
  readonly defaults: OptimizerSettings;
  make(parameters: readonly Parameter[], settings: OptimizerSettings): Optimizer;
}

export const OPTIMIZERS = {
  sgd: {
    defaults: { lr: 0.05, momentum: 0.9, weightDecay: 0 },
    make: (parameters, settings) => new SGD(parameters, settings),
  },
  adam: {
    defaults: { lr: 0.001, weightDecay: 0 },
    make: (parameters, settings) => new Adam(parameters, settings),
  },
  adamw: {
    defaults: { lr: 0.001, weightDecay: 0.01 },
    make: (parameters, settings) => new AdamW(parameters, settings),
  },
  nadam: {
    defaults: { lr: 0.002, weightDecay: 0 },
    make: (parameters, settings) => new NAdam(parameters, settings),
  },
  // PyTorch's default of 0.001 is slow here: the first steps are ones of plain momentum, as small as the gradient.
  radam: {
    defaults: { lr: 0.01, weightDecay: 0 },
    make: (parameters, settings) => new RAdam(parameters, settings),
  },
  adamax: {
    defaults: { lr: 0.002, weightDecay: 0 },
    make: (parameters, settings) => new Adamax(parameters, settings),
  },
  // PyTorch's default of 0.01 is too fast for most networks: the first steps have about ten times that size.
  rmsprop: {
    defaults: { lr: 0.001, momentum: 0, weightDecay: 0 },
    make: (parameters, settings) => new RMSprop(parameters, settings),
  },
  adagrad: {
    defaults: { lr: 0.01, weightDecay: 0 },
    make: (parameters, settings) => new Adagrad(parameters, settings),
  },
  adadelta: {
    defaults: { lr: 1, weightDecay: 0 },
    make: (parameters, settings) => new Adadelta(parameters, settings),
  },
} satisfies Readonly<Record<string, Offer>>;

export type OptimizerName = keyof typeof OPTIMIZERS;

export const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as readonly OptimizerName[];

/** The default settings of an optimizer. */
export const defaultsOf = (name: OptimizerName): OptimizerSettings => OPTIMIZERS[name].defaults;

/** Throws for a momentum that the optimizer would not use. */
export function checkMomentum(name: OptimizerName, isGiven: boolean): void {
  if (!isGiven || defaultsOf(name).momentum !== undefined) return;
  const others = OPTIMIZER_NAMES.filter((other) => defaultsOf(other).momentum !== undefined);
  throw new KilnError(`--momentum is a setting of ${others.join(" and ")}; --optimizer ${name} has none`);
}

/** `0.05 for sgd, 0.001 for adam, …` */
export const defaultRates = (): string =>
  OPTIMIZER_NAMES.map((name) => `${defaultsOf(name).lr} for ${name}`).join(", ");
