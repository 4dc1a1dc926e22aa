/** Schedules one after the other: a warm-up, say, and then what the training is about. */

import { KilnError } from "../../core/errors.ts";
import { Arguments } from "../../nn/options.ts";
import type { Optimizer } from "../optimizer.ts";
import { LRScheduler, type RateAt } from "./scheduler.ts";

/** The options of {@link SequentialLR}. */
export interface SequentialLROptions {
  /** All on one optimizer; each counts its steps from 0 when its turn comes. */
  readonly schedulers: readonly LRScheduler[];
  /** After how many steps the next one takes over: one number less than there are schedules, rising. */
  readonly milestones: readonly number[];
}

/** Runs several schedules in turn (torch.optim.lr_scheduler.SequentialLR). Call its step and no other. */
export class SequentialLR extends LRScheduler {
  constructor(optimizer: Optimizer, schedulers: readonly LRScheduler[], milestones: readonly number[]);
  constructor(optimizer: Optimizer, options: SequentialLROptions);
  constructor(
    optimizer: Optimizer,
    first: readonly LRScheduler[] | SequentialLROptions,
    second?: readonly number[],
  ) {
    const isOptions = first !== undefined && "schedulers" in first;
    if (isOptions) new Arguments("SequentialLR", [first], [], ["schedulers", "milestones"]);
    const { schedulers, milestones } = isOptions ? first : { schedulers: first, milestones: second };
    super(optimizer, inTurn(optimizer, schedulers, milestones));
  }
}

function inTurn(optimizer: Optimizer, schedulers: unknown, milestones: unknown): RateAt {
  if (!isSchedules(schedulers) || schedulers.some((schedule) => schedule.optimizer !== optimizer)) {
    throw new KilnError(
      "SequentialLR needs a list of schedules, such as a LinearLR and a StepLR, made for the optimizer that it is given",
    );
  }
  if (!isRising(milestones) || milestones.length !== schedulers.length - 1) {
    throw new KilnError(
      `SequentialLR's milestones must be a rising list of whole numbers above 0, one less than its ${schedulers.length} schedules, not ${JSON.stringify(milestones)}`,
    );
  }
  return (epoch, baseLr, group) => {
    const passed = milestones.filter((milestone) => milestone <= epoch).length;
    const begin = passed === 0 ? 0 : milestones[passed - 1];
    return schedulers[passed].rateAt(epoch - begin, baseLr, group);
  };
}

const isSchedules = (value: unknown): value is readonly LRScheduler[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof LRScheduler);

const isRising = (value: unknown): value is readonly number[] =>
  Array.isArray(value) &&
  value.every((item, k) => Number.isSafeInteger(item) && item > (k === 0 ? 0 : value[k - 1]));
