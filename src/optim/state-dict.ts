/** An optimizer's state as plain data and tensors, and back: everything is checked before anything is written. */

import { KilnError } from "../core/errors.ts";
import { compareByName, copyByName } from "../tensor/copy-by-name.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ParamGroup } from "./param-group.ts";

/** A parameter group: its options under PyTorch's names in camelCase, and which parameters it has. */
export interface GroupState {
  readonly lr: number;
  /** What schedules start from; absent before the first schedule. */
  readonly initialLr?: number;
  /** How many updates its parameters have had. */
  readonly step: number;
  /** The parameters' numbers, counted through all groups. */
  readonly params: readonly number[];
  readonly [option: string]: number | boolean | readonly number[] | undefined;
}

export interface OptimizerState {
  /** The tensors kept for each parameter, by its number and PyTorch's name: `state["0"].momentum_buffer`. */
  readonly state: Readonly<Record<string, Readonly<Record<string, Tensor>>>>;
  readonly paramGroups: readonly GroupState[];
}

/** What is read and written of an optimizer. */
interface Stateful {
  readonly paramGroups: readonly ParamGroup[];
  readonly parameters: readonly Tensor[];
  stateOf(parameter: Tensor): Readonly<Record<string, Tensor>>;
}

export function optimizerState(optimizer: Stateful): OptimizerState {
  const states = optimizer.parameters.map((parameter, k) => [`${k}`, optimizer.stateOf(parameter)] as const);
  let next = 0;
  const paramGroups = optimizer.paramGroups.map((group) => {
    const { lr, initialLr, completedSteps: step, settings } = group;
    const params = group.params.map(() => next++);
    return { lr, ...(initialLr !== undefined && { initialLr }), ...settings, step, params };
  });
  return { state: Object.fromEntries(states), paramGroups };
}

/** Takes over `given`, which may come from a file and hold anything. */
export async function loadOptimizerState(optimizer: Stateful, name: string, given: unknown): Promise<void> {
  const own = optimizerState(optimizer);
  const { state, paramGroups } = recordOf(given);
  const tensors = flattened(recordOf(state));
  const named = Object.entries(flattened(own.state)) as [string, Tensor][];
  const faults = [
    ...groupFaults(own.paramGroups, paramGroups),
    ...compareByName("the optimizer", named, tensors as Record<string, Tensor>).faults,
  ];
  if (faults.length > 0) throw new KilnError(`cannot load the state dict into ${name}: ${faults.join("; ")}`);
  await copyByName(named, tensors as Record<string, Tensor>);
  for (const [k, group] of optimizer.paramGroups.entries()) {
    const { lr, initialLr, step } = (paramGroups as GroupState[])[k];
    group.lr = lr;
    group.initialLr = initialLr;
    group.completedSteps = step;
  }
}

/** Tensors by one key each, such as `state.0.momentum_buffer`. */
const flattened = (states: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(states).flatMap(([parameter, tensors]) =>
      Object.entries(recordOf(tensors)).map(([key, tensor]) => [`state.${parameter}.${key}`, tensor]),
    ),
  );

function groupFaults(own: readonly GroupState[], given: unknown): string[] {
  if (!Array.isArray(given)) return ["paramGroups is no list"];
  if (given.length !== own.length)
    return [`it has ${count(given.length)} but the optimizer has ${own.length}`];
  return own.flatMap((group, k) => {
    const other = recordOf(given[k]);
    const at = own.length === 1 ? "" : ` of group ${k}`;
    return [
      ...optionFaults(group, other, at),
      ...(isRate(other.lr) ? [] : [`lr${at} is ${shown(other.lr)}, no learning rate`]),
      ...(other.initialLr === undefined || isRate(other.initialLr)
        ? []
        : [`initialLr${at} is ${shown(other.initialLr)}, no learning rate`]),
      ...(isStep(other.step) ? [] : [`step${at} is ${shown(other.step)}, no number of steps`]),
    ];
  });
}

/** What a group takes over; all else must be as it is. */
const LOADED = new Set(["lr", "initialLr", "step"]);

/** Options are constants of the compiled step, so they cannot come from a file. */
function optionFaults(own: GroupState, given: Readonly<Record<string, unknown>>, at: string): string[] {
  const names = new Set([...Object.keys(own), ...Object.keys(given)].filter((name) => !LOADED.has(name)));
  return [...names].flatMap((name) => {
    const [here, there] = [shown(own[name]), shown(given[name])];
    return here === there ? [] : [`${name}${at} is ${there} but the optimizer has ${here}`];
  });
}

const count = (groups: number): string => `${groups} parameter group${groups === 1 ? "" : "s"}`;

const isRate = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value >= 0;

const isStep = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const shown = (value: unknown): string => JSON.stringify(value) ?? "nothing";

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
