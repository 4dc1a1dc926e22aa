/** The schedule that leads to the constant learning rate at which weights are averaged. */

import { Arguments } from "../nn/options.ts";
import { numbersPerGroup, type PerGroup } from "./lr-scheduler/per-group.ts";
import { LRScheduler } from "./lr-scheduler/scheduler.ts";
import type { Optimizer } from "./optimizer.ts";

/** The named arguments of {@link SWALR}. */
export interface SWALROptions {
  /** The rate that is led to, one for all groups or one for each. */
  readonly swaLr: PerGroup<number>;
  /** In how many steps (default: 10). */
  readonly annealEpochs?: number;
  /** Along half a cosine wave (the default) or along a line. */
  readonly annealStrategy?: "cos" | "linear";
}

/**
 * Leads each group's rate, whatever it is by then, to `swaLr`, where it stays (torch.optim.swa_utils.SWALR). Each step
 * starts from the rate before it, so that it may take over from another schedule.
 */
export class SWALR extends LRScheduler {
  constructor(
    optimizer: Optimizer,
    swaLr: PerGroup<number>,
    annealEpochs?: number | Omit<SWALROptions, "swaLr">,
    annealStrategy?: "cos" | "linear",
  );
  constructor(optimizer: Optimizer, options: SWALROptions);
  constructor(optimizer: Optimizer, ...given: unknown[]) {
    const options = new Arguments("SWALR", given, ["swaLr", "annealEpochs", "annealStrategy"]);
    const epochs = options.integer("annealEpochs", 0, 10);
    const strategy = options.choice("annealStrategy", ["cos", "linear"], "cos");
    const shareAt = (step: number): number => {
      const t = Math.max(0, Math.min(1, step / Math.max(1, epochs)));
      return strategy === "cos" ? (1 - Math.cos(Math.PI * t)) / 2 : t;
    };
    const rates = numbersPerGroup("SWALR", "swaLr", optimizer, options.given("swaLr"));
    super(optimizer, (epoch, _initial, group) => {
      const step = epochs === 0 ? Math.max(1, epoch) : epoch;
      const [before, now] = [shareAt(step - 1), shareAt(step)];
      const [goal, { lr }] = [rates[group], optimizer.paramGroups[group]];
      const initial = before === 1 ? goal : (lr - before * goal) / (1 - before);
      return goal * now + initial * (1 - now);
    });
  }
}
