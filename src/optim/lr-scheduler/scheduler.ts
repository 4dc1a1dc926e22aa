/**
 * What every schedule of the learning rate is: a function of the number of its steps, written into the optimizer.
 * The rate is fed to the compiled step as a number, so no schedule compiles anything again.
 */

import { KilnError } from "../../core/errors.ts";
import { Optimizer } from "../optimizer.ts";
import { checkedSchedulerState, type SchedulerState } from "./state-dict.ts";

/** The learning rate of a group after `epoch` steps of the schedule, from the one that the group starts from. */
export type RateAt = (epoch: number, baseLr: number, group: number) => number;

/**
 * A schedule in closed form (torch.optim.lr_scheduler.LRScheduler). It sets the rate of every group once when it is made
 * and with every `step`. Where two schedules drive one optimizer, the one that stepped last wins; a product of both is
 * one LambdaLR, and one after the other a SequentialLR.
 */
export abstract class LRScheduler {
  /** The optimizer whose learning rates it sets. */
  readonly optimizer: Optimizer;
  /** The schedule itself. */
  readonly rateAt: RateAt;
  /** Whether its rate is the initial one times a factor that depends on the step alone, so that it can be chained. */
  readonly isFactor: boolean;
  #baseLrs: readonly number[];
  #lastEpoch = 0;

  constructor(optimizer: Optimizer, rateAt: RateAt, isFactor = false) {
    this.optimizer = checkedOptimizer(new.target.name, optimizer);
    this.rateAt = rateAt;
    this.isFactor = isFactor;
    for (const group of optimizer.paramGroups) group.initialLr ??= group.lr;
    this.#baseLrs = optimizer.paramGroups.map(({ lr, initialLr = lr }) => initialLr);
    this.apply(0);
  }

  /** The learning rates that the groups start from; a group that the optimizer gets later is left alone. */
  get baseLrs(): readonly number[] {
    return this.#baseLrs;
  }

  /** The number of steps taken. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** Advances by one step: call it after each epoch, or after each batch if the schedule counts batches. */
  step(): void {
    this.apply(this.#lastEpoch + 1);
  }

  /** The learning rate of each group. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** What the next steps depend on, besides the options the schedule was made with. */
  stateDict(): SchedulerState {
    return { lastEpoch: this.#lastEpoch, baseLrs: this.#baseLrs };
  }

  /** Takes over a state; the current rates are the optimizer's, which loads them itself. */
  loadStateDict(state: SchedulerState): void {
    const { lastEpoch, baseLrs } = checkedSchedulerState(this.constructor.name, state, this.#baseLrs.length);
    this.#lastEpoch = lastEpoch;
    this.#baseLrs = baseLrs;
  }

  /** A rate that cannot be computed or set leaves the schedule where it was. */
  private apply(epoch: number): void {
    const rates = this.#baseLrs.map((baseLr, group) => this.rateAt(epoch, baseLr, group));
    for (const [k, rate] of rates.entries()) this.optimizer.paramGroups[k].lr = rate;
    this.#lastEpoch = epoch;
  }
}

/** Schedules are easily given the parameters or the trainer instead. */
export function checkedOptimizer(schedule: string, optimizer: Optimizer): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer;
  throw new KilnError(`${schedule} takes an optimizer, such as an optim.SGD, as its first argument`);
}
