/**
 * Cohorts: parameters of a group that have had the same number of updates. What a step does to a parameter depends on that
 * number, which begins with its first gradient, so one set of scalars serves a cohort, and no more than one.
 */

import { scalarName } from "../../ir/update.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** What scalars follow from. */
export interface Counted {
  readonly paramGroups: readonly {
    readonly countsSteps: boolean;
    scalarValues(completed: number): Readonly<Record<string, number>>;
  }[];
  /** How many updates a parameter has had. */
  stepOf(parameter: Tensor): number;
}

export interface Cohort {
  /** Which of the optimizer's groups they are in. */
  readonly group: number;
  readonly parameters: readonly Tensor[];
}

/** Divides a group's parameters; if nothing depends on their steps, or there are none, they are one cohort. */
export function cohortsOf(optimizer: Counted, group: number, parameters: readonly Tensor[]): Cohort[] {
  if (!optimizer.paramGroups[group].countsSteps || parameters.length === 0) return [{ group, parameters }];
  const counts = new Set(parameters.map((parameter) => optimizer.stepOf(parameter)));
  return [...counts].map((count) => ({
    group,
    parameters: parameters.filter((parameter) => optimizer.stepOf(parameter) === count),
  }));
}

/** Whether the members of each cohort still have had as many updates as each other. */
export const areInStep = (optimizer: Counted, cohorts: readonly Cohort[]): boolean =>
  cohorts.every(
    ({ group, parameters }) =>
      !optimizer.paramGroups[group].countsSteps ||
      parameters.every((parameter) => optimizer.stepOf(parameter) === optimizer.stepOf(parameters[0])),
  );

/** The values of all cohorts' scalars for the next step, by name, in addition to those in `others`. */
export function cohortScalars(
  optimizer: Counted,
  cohorts: readonly Cohort[],
  others: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const values: Record<string, number> = { ...others };
  for (let k = 0; k < cohorts.length; k++) {
    const { group, parameters } = cohorts[k];
    const completed = parameters.length === 0 ? 0 : optimizer.stepOf(parameters[0]);
    const own = optimizer.paramGroups[group].scalarValues(completed);
    for (const name in own) values[scalarName(name, k)] = own[name];
  }
  return values;
}
