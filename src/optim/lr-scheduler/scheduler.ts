/**
 * What every schedule of the learning rate is: a function of the number of its steps, written into the optimizer.
 * The rate is fed to the compiled step as a number, so no schedule compiles anything again.
 */

import { KilnError } from "../../core/errors.ts";
import { Optimizer } from "../optimizer.ts";

/** The learning rate after `epoch` steps of the schedule, from the one it starts from. */
export type RateAt = (epoch: number, initialLr: number) => number;

/**
 * A schedule in closed form (torch.optim.lr_scheduler.LRScheduler). It sets the rate once when it is made and with
 * every `step`. Where two schedules drive one optimizer, the one that stepped last wins; a product of both is one
 * LambdaLR.
 */
export abstract class LRScheduler {
  readonly optimizer: Optimizer;
  private readonly rateAt: RateAt;
  private epoch = 0;

  constructor(optimizer: Optimizer, rateAt: RateAt) {
    this.optimizer = checkedOptimizer(new.target.name, optimizer);
    this.rateAt = rateAt;
    for (const group of optimizer.paramGroups) group.initialLr ??= group.lr;
    this.apply(0);
  }

  /** How many steps were taken. */
  get lastEpoch(): number {
    return this.epoch;
  }

  /** Goes on by one step: call it after each epoch, or after each batch where the schedule counts batches. */
  step(): void {
    this.apply(this.epoch + 1);
  }

  /** The learning rate of each group. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** A rate that cannot be computed or set leaves the schedule where it was. */
  private apply(epoch: number): void {
    for (const group of this.optimizer.paramGroups) {
      group.lr = this.rateAt(epoch, group.initialLr ?? group.lr);
    }
    this.epoch = epoch;
  }
}

/** Schedules are easily given the parameters or the trainer instead. */
export function checkedOptimizer(schedule: string, optimizer: Optimizer): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer;
  throw new KilnError(`${schedule} takes an optimizer, such as an optim.SGD, as its first argument`);
}
