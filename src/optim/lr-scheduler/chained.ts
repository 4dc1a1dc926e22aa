/** Schedules at the same time: the product of their factors. */

import { KilnError } from "../../core/errors.ts";
import type { Optimizer } from "../optimizer.ts";
import { LRScheduler } from "./scheduler.ts";

/**
 * Runs several schedules at once (torch.optim.lr_scheduler.ChainedScheduler): the rate is the initial one times the factors
 * of all. Call its step and no other. Schedules that set the rate outright have no factor and are refused.
 */
export class ChainedScheduler extends LRScheduler {
  constructor(schedulers: readonly LRScheduler[], optimizer?: Optimizer) {
    const own = optimizer ?? optimizerOf(schedulers);
    checkSchedules(schedulers, own);
    super(
      own,
      (epoch, initial, group) => schedulers.reduce((rate, { rateAt }) => rateAt(epoch, rate, group), initial),
      true,
    );
  }
}

function optimizerOf(schedulers: unknown): Optimizer {
  const [first] = Array.isArray(schedulers) ? schedulers : [];
  if (first instanceof LRScheduler) return first.optimizer;
  throw new KilnError("ChainedScheduler takes a list of schedules, such as [a LinearLR, an ExponentialLR]");
}

function checkSchedules(schedulers: readonly LRScheduler[], optimizer: Optimizer): void {
  for (const schedule of schedulers) {
    if (!(schedule instanceof LRScheduler) || schedule.optimizer !== optimizer)
      throw new KilnError("ChainedScheduler's schedules must all be made for one optimizer");
    if (!schedule.isFactor) {
      throw new KilnError(
        `ChainedScheduler cannot multiply by a ${schedule.constructor.name}, which sets the rate itself: it takes ConstantLR, ` +
          "LinearLR, PolynomialLR, StepLR, MultiStepLR, ExponentialLR and MultiplicativeLR; one after the other is SequentialLR",
      );
    }
  }
}
