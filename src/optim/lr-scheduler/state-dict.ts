/** The states of schedules, and what is checked before one is taken over from a file. */

import { KilnError } from "../../core/errors.ts";

/** The state of a schedule in closed form. */
export interface SchedulerState {
  /** The number of steps taken. */
  readonly lastEpoch: number;
  /** What each group's rate starts from. */
  readonly baseLrs: readonly number[];
}

/** A schedule's state, checked: `groups` is the number of its parameter groups. */
export function checkedSchedulerState(schedule: string, given: unknown, groups: number): SchedulerState {
  const { lastEpoch, baseLrs } = Object(given) as Readonly<Record<string, unknown>>;
  const isRates = Array.isArray(baseLrs) && baseLrs.length === groups && baseLrs.every(isRate);
  throwFaults(schedule, [
    ...(isCount(lastEpoch) ? [] : [`lastEpoch is ${shown(lastEpoch)}, no number of steps`]),
    ...(isRates
      ? []
      : [`baseLrs is ${shown(baseLrs)}, not the learning rates of ${groups} parameter groups`]),
  ]);
  return { lastEpoch: lastEpoch as number, baseLrs: [...(baseLrs as number[])] };
}

/** The state of a schedule that watches a metric. */
export interface PlateauState {
  /** The number of steps taken. */
  readonly lastEpoch: number;
  /** The best metric so far, infinite before the first. */
  readonly best: number;
  /** The number of epochs without improvement. */
  readonly numBadEpochs: number;
  /** The number of epochs that remain of the cooldown. */
  readonly cooldownCounter: number;
}

/** The state of a ReduceLROnPlateau, checked. */
export function checkedPlateauState(given: unknown): PlateauState {
  const { lastEpoch, best, numBadEpochs, cooldownCounter } = Object(given) as Readonly<
    Record<string, unknown>
  >;
  const counts = Object.entries({ lastEpoch, numBadEpochs, cooldownCounter });
  throwFaults("ReduceLROnPlateau", [
    ...counts.flatMap(([name, value]) =>
      isCount(value) ? [] : [`${name} is ${shown(value)}, no number of steps`],
    ),
    ...(typeof best === "number" && !Number.isNaN(best) ? [] : [`best is ${shown(best)}, no metric`]),
  ]);
  return { lastEpoch, best, numBadEpochs, cooldownCounter } as PlateauState;
}

function throwFaults(schedule: string, faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new KilnError(`cannot load the state dict into ${schedule}: ${faults.join("; ")}`);
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const isRate = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value >= 0;

const shown = (value: unknown): string =>
  typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "missing");
