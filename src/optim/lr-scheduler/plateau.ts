/** The schedule that watches a metric (torch.optim.lr_scheduler.ReduceLROnPlateau). */

import { KilnError } from "../../core/errors.ts";
import { Arguments } from "../../nn/options.ts";
import type { Optimizer } from "../optimizer.ts";
import { numbersPerGroup, type PerGroup } from "./per-group.ts";
import { checkedOptimizer } from "./scheduler.ts";
import { checkedPlateauState, type PlateauState } from "./state-dict.ts";

/** The options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  /** Whether the metric should fall (default) or rise. */
  readonly mode?: "min" | "max";
  /** What the learning rate is multiplied by, below 1 (default: 0.1). */
  readonly factor?: number;
  /** The number of steps in a row that may bring no improvement (default: 10). */
  readonly patience?: number;
  /** What counts as an improvement (default: 1e-4). */
  readonly threshold?: number;
  /** Whether the threshold is a part of the best value (default) or a difference to it. */
  readonly thresholdMode?: "rel" | "abs";
  /** The number of steps after a reduction that do not count. */
  readonly cooldown?: number;
  /** The lower bound of the learning rate (default: 0). */
  readonly minLr?: PerGroup<number>;
  /** The smallest change of the learning rate that is made (default: 1e-8). */
  readonly eps?: number;
}

const OPTIONS = ["factor", "patience", "threshold", "thresholdMode", "cooldown", "minLr", "eps"];

/** It has no closed form and scales whatever the rate is; a closed-form schedule that steps later overwrites it. */
export class ReduceLROnPlateau {
  /** The optimizer whose learning rates it sets. */
  readonly optimizer: Optimizer;
  private readonly factor: number;
  private readonly patience: number;
  private readonly cooldown: number;
  private readonly minLrs: readonly number[];
  private readonly eps: number;
  private readonly isBetter: (metric: number, best: number) => boolean;
  private best: number;
  private badSteps = 0;
  private coolingSteps = 0;
  private epoch = 0;

  /** The mode may come by position; all else comes by name, in one object. */
  constructor(
    optimizer: Optimizer,
    mode?: ReduceLROnPlateauOptions["mode"] | ReduceLROnPlateauOptions,
    options?: Omit<ReduceLROnPlateauOptions, "mode">,
  ) {
    this.optimizer = checkedOptimizer("ReduceLROnPlateau", optimizer);
    const given = new Arguments("ReduceLROnPlateau", [mode, options], ["mode"], OPTIONS);
    const { minLr = 0 } = typeof mode === "object" ? mode : (options ?? {});
    const direction = given.choice("mode", ["min", "max"], "min");
    this.factor = given.number("factor", 0, 0.1);
    if (this.factor >= 1) {
      throw new KilnError(`ReduceLROnPlateau's factor must be below 1, not ${this.factor}`);
    }
    this.patience = given.integer("patience", 0, 10);
    this.cooldown = given.integer("cooldown", 0, 0);
    this.minLrs = numbersPerGroup("ReduceLROnPlateau", "minLr", optimizer, minLr);
    this.eps = given.number("eps", 0, 1e-8);
    const threshold = given.number("threshold", 0, 1e-4);
    const relative = given.choice("thresholdMode", ["rel", "abs"], "rel") === "rel";
    const sign = direction === "min" ? -1 : 1;
    const bar = (best: number) => (relative ? best * (1 + sign * threshold) : best + sign * threshold);
    this.isBetter = (metric, best) => (direction === "min" ? metric < bar(best) : metric > bar(best));
    this.best = -sign * Number.POSITIVE_INFINITY;
  }

  /** The number of steps taken. */
  get lastEpoch(): number {
    return this.epoch;
  }

  /** Takes the metric of an epoch, such as the loss on held-out data. NaN is no improvement. */
  step(metric: number): void {
    if (typeof metric !== "number") {
      throw new KilnError("ReduceLROnPlateau.step takes the metric that it watches, as a number");
    }
    this.epoch++;
    if (this.isBetter(metric, this.best)) {
      this.best = metric;
      this.badSteps = 0;
    } else this.badSteps++;
    if (this.coolingSteps > 0) {
      this.coolingSteps--;
      this.badSteps = 0;
    }
    if (this.badSteps <= this.patience) return;
    this.reduce();
    this.coolingSteps = this.cooldown;
    this.badSteps = 0;
  }

  /** The learning rate of each group. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** What the next steps depend on, besides the options the schedule was made with. */
  stateDict(): PlateauState {
    const { epoch: lastEpoch, best, badSteps: numBadEpochs, coolingSteps: cooldownCounter } = this;
    return { lastEpoch, best, numBadEpochs, cooldownCounter };
  }

  /** Takes over a state; the current rates are the optimizer's, which loads them itself. */
  loadStateDict(state: PlateauState): void {
    const { lastEpoch, best, numBadEpochs, cooldownCounter } = checkedPlateauState(state);
    this.epoch = lastEpoch;
    this.best = best;
    this.badSteps = numBadEpochs;
    this.coolingSteps = cooldownCounter;
  }

  private reduce(): void {
    for (const [k, group] of this.optimizer.paramGroups.entries()) {
      const reduced = Math.max(group.lr * this.factor, this.minLrs[k] ?? 0);
      if (group.lr - reduced > this.eps) group.lr = reduced;
    }
  }
}
