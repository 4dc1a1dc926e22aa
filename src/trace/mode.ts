/** Runs a model in training or evaluation mode and restores the modes of its modules, which belong to the user. */

import type { Traceable } from "./trace.ts";

/** A model whose modules know whether they are trained. */
export interface Moded extends Traceable {
  /** Whether it trains, or is evaluated. */
  readonly training: boolean;
  /** Puts it and all its parts into training mode, or into evaluation mode. */
  train(mode?: boolean): unknown;
}

/**
 * Runs `body` with the model in training or evaluation mode. For training, a model that is in training mode stays as it is,
 * with the parts that its user has put into evaluation mode (a frozen BatchNorm); any other is switched as a whole.
 * Afterwards every module is in the mode that it was in.
 */
export function inMode<T>(model: Moded, training: boolean, body: () => T): T {
  const modes = [...model.namedModules()].map(
    ([, module]) => [module, Reflect.get(module, "training")] as const,
  );
  if (!(training && model.training)) model.train(training);
  try {
    return body();
  } finally {
    for (const [module, mode] of modes) Reflect.set(module, "training", mode);
  }
}
