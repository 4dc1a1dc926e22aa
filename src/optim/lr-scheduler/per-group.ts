/** Options of schedules that may differ between parameter groups: one number for all of them, or a list. */

import { KilnError } from "../../core/errors.ts";
import type { Optimizer } from "../optimizer.ts";

/** One value for every parameter group, or a list with one for each. */
export type PerGroup<T> = T | readonly T[];

/** An option's finite number of at least 0 for each group of the optimizer. */
export function numbersPerGroup(
  schedule: string,
  option: string,
  { paramGroups }: Optimizer,
  given: unknown,
): readonly number[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : paramGroups.map(() => given);
  if (list.length === paramGroups.length && list.every(isRate)) return list as number[];
  throw new KilnError(
    `${schedule}'s ${option} must be a finite number of at least 0, or a list of one for each of the ` +
      `${paramGroups.length} parameter groups, not ${typeof given === "number" ? given : JSON.stringify(given)}`,
  );
}

const isRate = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value >= 0;
