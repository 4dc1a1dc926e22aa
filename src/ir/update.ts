/** How an optimizer writes its step into a graph: the contract between `src/optim` and the training-step pass. */

import type { Origin } from "../core/origin.ts";
import type { GraphBuilder } from "./builder.ts";
import type { TensorType, Value } from "./types.ts";

/** The symbolic form of one optimizer. */
export interface UpdateRule {
  /** Names the update's kernels: `sgd`, `adam`. */
  readonly name: string;
  /** Scalar inputs it reads, such as `lr`; their values are passed with every step. */
  readonly scalars: readonly string[];
  /** Optimizer state kept per parameter, by name, all zeros at first. */
  states(parameter: TensorType): Readonly<Record<string, TensorType>>;
  /** The new parameter and the new states, from the old ones and the gradient. */
  update(
    b: GraphBuilder,
    parameter: Value,
    gradient: Value,
    states: Readonly<Record<string, Value>>,
    scalars: Readonly<Record<string, Value>>,
  ): { readonly parameter: Value; readonly states: Readonly<Record<string, Value>> };
}

/** Parameters that are updated by one rule and one set of scalars. */
export interface UpdateGroup {
  readonly rule: UpdateRule;
  /** Names of the parameters; absent for all that have a gradient. */
  readonly parameters?: readonly string[];
}

/** What is done to all gradients of a step together before they are used. */
export type GradientClip =
  | { readonly kind: "value"; readonly maxValue: number }
  | { readonly kind: "norm"; readonly maxNorm: number; readonly normType: number };

/** A whole update: groups in the optimizer's order, each parameter in one of them at most. */
export interface StepUpdate {
  readonly groups: readonly UpdateGroup[];
  readonly clip?: GradientClip;
  /** The lines that each parameter belongs to; absent if the graph itself uses the parameters. */
  readonly origins?: ReadonlyMap<string, readonly Origin[]>;
}

/** The name of a group's scalar in the graph: `lr`, `lr_1`, `lr_2`. */
export const scalarName = (scalar: string, group: number): string =>
  group === 0 ? scalar : `${scalar}_${group}`;

/** The name of an optimizer state in the graph, derived from its parameter's. */
export const optimizerStateName = (rule: UpdateRule, parameter: string, state: string): string =>
  `${rule.name}.${parameter}.${state}`;

/** The name of the state that sums the gradients of a parameter over several batches. */
export const accumulatedName = (parameter: string): string => `accumulated.${parameter}`;
