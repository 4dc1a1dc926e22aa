/** Schedules that multiply the learning rate by the same factor again and again. */

import { KilnError } from "../../core/errors.ts";
import { Arguments } from "../../nn/options.ts";
import type { Optimizer } from "../optimizer.ts";
import { LRScheduler } from "./scheduler.ts";

/** The options of {@link StepLR}. */
export interface StepLROptions {
  /** The number of steps between multiplications. */
  readonly stepSize: number;
  /** The factor (default: 0.1). */
  readonly gamma?: number;
}

/**
 * `lr = initial · γ^⌊t / stepSize⌋` (torch.optim.lr_scheduler.StepLR).
 *
 * ```ts
 * const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
 * const schedule = new optim.lrScheduler.StepLR(optimizer, { stepSize: 30, gamma: 0.1 });
 * for (let epoch = 0; epoch < 90; epoch++) {
 *   // … the epoch's steps
 *   schedule.step();
 * }
 * ```
 */
export class StepLR extends LRScheduler {
  constructor(optimizer: Optimizer, stepSize: number, gamma?: number | Pick<StepLROptions, "gamma">);
  constructor(optimizer: Optimizer, options: StepLROptions);
  constructor(optimizer: Optimizer, ...given: unknown[]) {
    const options = new Arguments("StepLR", given, ["stepSize", "gamma"]);
    const stepSize = options.integer("stepSize", 1);
    const gamma = options.number("gamma", 0, 0.1);
    super(optimizer, (epoch, initial) => initial * gamma ** Math.floor(epoch / stepSize), true);
  }
}

/** The options of {@link MultiStepLR}. */
export interface MultiStepLROptions {
  /** The steps after which the rate is multiplied, in any order; one that is listed twice counts twice. */
  readonly milestones: readonly number[];
  /** The factor (default: 0.1). */
  readonly gamma?: number;
}

/** `lr = initial · γ^(number of milestones ≤ t)` (torch.optim.lr_scheduler.MultiStepLR). */
export class MultiStepLR extends LRScheduler {
  constructor(
    optimizer: Optimizer,
    milestones: readonly number[],
    gamma?: number | Pick<MultiStepLROptions, "gamma">,
  );
  constructor(optimizer: Optimizer, options: MultiStepLROptions);
  constructor(
    optimizer: Optimizer,
    first: readonly number[] | MultiStepLROptions,
    gamma?: number | Pick<MultiStepLROptions, "gamma">,
  ) {
    const options = new Arguments("MultiStepLR", [first, gamma], ["milestones", "gamma"]);
    const milestones = checkedMilestones("milestones" in first ? first.milestones : first);
    const factor = options.number("gamma", 0, 0.1);
    const passed = (epoch: number): number => milestones.filter((milestone) => milestone <= epoch).length;
    super(optimizer, (epoch, initial) => initial * factor ** passed(epoch), true);
  }
}

function checkedMilestones(milestones: unknown): readonly number[] {
  const isStep = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (Array.isArray(milestones) && milestones.every(isStep)) return [...milestones];
  throw new KilnError(
    `MultiStepLR's milestones must be a list of whole numbers of at least 0, not ${JSON.stringify(milestones)}`,
  );
}

/** The options of {@link ExponentialLR}. */
export interface ExponentialLROptions {
  /** What the rate is multiplied by in each step. */
  readonly gamma: number;
}

/** `lr = initial · γ^t` (torch.optim.lr_scheduler.ExponentialLR). */
export class ExponentialLR extends LRScheduler {
  constructor(optimizer: Optimizer, gamma: number | ExponentialLROptions) {
    const factor = new Arguments("ExponentialLR", [gamma], ["gamma"]).number("gamma", 0);
    super(optimizer, (epoch, initial) => initial * factor ** epoch, true);
  }
}
