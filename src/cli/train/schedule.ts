/**
 * The learning rate schedule of `kiln train`: from the command
 * line's options, or a schedule that the model file exports.
 */

import { lrScheduler } from "../../optim/index.ts";

/** A schedule of `optim.lrScheduler`, or one like it. */
export type Scheduler = lrScheduler.LRScheduler | lrScheduler.ReduceLROnPlateau;

/** A schedule, and whether it counts epochs or steps. */
export interface Schedule {
  readonly scheduler: Scheduler;
  readonly interval: "epoch" | "step";
}

/** Advances by one step, if the schedule counts these; one that watches a metric gets `loss`. */
export function advance(schedule: Schedule | undefined, interval: Schedule["interval"], loss: number): void {
  if (schedule === undefined || schedule.interval !== interval) return;
  const { scheduler } = schedule;
  if (scheduler instanceof lrScheduler.ReduceLROnPlateau) scheduler.step(loss);
  else scheduler.step();
}

/** Restores the state of a checkpoint. */
export function restoreSchedule(schedule: Schedule | undefined, state: unknown): void {
  (schedule?.scheduler as { loadStateDict(state: unknown): void } | undefined)?.loadStateDict(state);
}
