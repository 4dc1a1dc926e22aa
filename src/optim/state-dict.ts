/** An optimizer's state as plain data and tensors, and back: everything is checked before anything is written. */

import { allocate } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { compareByName, copyByName } from "../tensor/copy-by-name.ts";
import { HostStorage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Version } from "../tensor/version.ts";
import type { ParamGroup } from "./param-group.ts";

/** A parameter group: its options under PyTorch's names in camelCase, and which parameters it has. */
export interface GroupState {
  /** The learning rate. */
  readonly lr: number;
  /** What schedules start from; absent before the first schedule. */
  readonly initialLr?: number;
  /** How many steps the optimizer has made; each parameter's own count is stored with its states. */
  readonly step: number;
  /** The parameters' numbers, counted through all groups. */
  readonly params: readonly number[];
  readonly [option: string]: number | boolean | readonly number[] | undefined;
}

/** What `optimizer.stateDict()` gives. */
export interface OptimizerState {
  /**
   * The tensors kept for each parameter, by its number and PyTorch's name: `state["0"].momentum_buffer`, and as `step` how
   * many updates it has had. Parameters that have had none are absent.
   */
  readonly state: Readonly<Record<string, Readonly<Record<string, Tensor>>>>;
  /** The groups' options and the positions of their parameters. */
  readonly paramGroups: readonly GroupState[];
}

/** What is read and written of an optimizer. */
interface Stateful {
  readonly paramGroups: readonly ParamGroup[];
  readonly parameters: readonly Tensor[];
  readonly stepCount: number;
  stateOf(parameter: Tensor): Readonly<Record<string, Tensor>>;
  stepOf(parameter: Tensor): number;
}

/** How often an optimizer has stepped, and how many updates each of its parameters has had. */
interface StepCounts {
  readonly stepCount: number;
  readonly steps: Map<Tensor, number>;
}

export function optimizerState(optimizer: Stateful): OptimizerState {
  const states = optimizer.parameters.flatMap((parameter, k) => {
    const step = optimizer.stepOf(parameter);
    // As PyTorch keeps it: a number in float32, which goes on being one in its files.
    const entry = {
      step: Tensor.fromData(Float32Array.of(step), [], "float32"),
      ...optimizer.stateOf(parameter),
    };
    return step === 0 ? [] : [[`${k}`, entry] as const];
  });
  return { state: Object.fromEntries(states), paramGroups: groupStates(optimizer) };
}

function groupStates({ paramGroups, stepCount: step }: Stateful): GroupState[] {
  let next = 0;
  return paramGroups.map(({ lr, initialLr, settings, params }) => {
    const numbers = params.map(() => next++);
    return { lr, ...(initialLr !== undefined && { initialLr }), ...settings, step, params: numbers };
  });
}

/**
 * Takes over `given`, which may come from a file and hold anything, and returns its step counts. Parameters that are absent
 * from it begin anew. Where it says nothing of a parameter's own step, as files did once, that of its group counts.
 */
export async function loadOptimizerState(
  optimizer: Stateful,
  name: string,
  given: unknown,
): Promise<StepCounts> {
  const { paramGroups, state: states } = recordOf(given);
  const state = recordOf(states);
  const groups: readonly unknown[] = Array.isArray(paramGroups) ? paramGroups : [];
  const all = optimizer.paramGroups.flatMap(({ params }, group) =>
    params.map((parameter) => ({ parameter, group: recordOf(groups[group]) })),
  );
  const numbered = all.map((known, k) => ({ ...known, key: `${k}` }));
  const present = numbered.filter(({ key }) => Object.hasOwn(state, key));
  const steps = await Promise.all(
    present.map(({ key, group }) => numberIn(recordOf(state[key]).step ?? group.step)),
  );
  const named = present.flatMap(({ parameter, key }) => keyed(key, optimizer.stateOf(parameter)));
  const keys = new Set(present.map(({ key }) => key));
  const source = Object.fromEntries(
    Object.entries(state).flatMap(([key, entry]) => {
      const { step: _, ...tensors } = recordOf(entry);
      return keyed(key, keys.has(key) ? tensors : recordOf(entry));
    }),
  ) as Record<string, Tensor>;
  const faults = [
    ...groupFaults(groupStates(optimizer), paramGroups),
    ...compareByName("the optimizer", named, source).faults,
    ...present.flatMap(({ key }, k) =>
      isStep(steps[k]) ? [] : [`state.${key}.step is not a number of steps`],
    ),
  ];
  if (faults.length > 0) throw new KilnError(`cannot load the state dict into ${name}: ${faults.join("; ")}`);
  await copyByName(named, source);
  for (const { parameter, key } of numbered) {
    if (!keys.has(key) && optimizer.stepOf(parameter) > 0) setToZero(optimizer.stateOf(parameter));
  }
  for (const [k, group] of optimizer.paramGroups.entries()) {
    const { lr, initialLr } = groups[k] as GroupState;
    group.lr = lr;
    group.initialLr = initialLr;
  }
  return {
    stepCount: Math.max(...(groups as readonly GroupState[]).map(({ step }) => step)),
    steps: new Map(present.map(({ parameter }, k) => [parameter, steps[k] as number])),
  };
}

/** A number that may come as a tensor of one, as PyTorch keeps steps. */
const numberIn = async (value: unknown): Promise<unknown> =>
  value instanceof Tensor && value.numel() === 1 ? (await value.data())[0] : value;

function setToZero(states: Readonly<Record<string, Tensor>>): void {
  for (const tensor of Object.values(states)) {
    const { type } = tensor.version;
    tensor.become(Version.of(type, new HostStorage(allocate(type.dtype, sizeOf(type.shape)))));
  }
}

/** Tensors by one key each, such as `state.0.momentum_buffer`. */
const keyed = <T>(parameter: string, tensors: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(tensors).map(([key, tensor]) => [`state.${parameter}.${key}`, tensor]);

function groupFaults(own: readonly GroupState[], given: unknown): string[] {
  if (!Array.isArray(given)) return ["paramGroups is not a list"];
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
