/** What a trace needs to know of gradients and optimizers where it is of a whole training step, not of a forward pass alone. */

import type { Value } from "../ir/types.ts";
import type { Tensor } from "./tensor.ts";

/** An optimizer, as far as its steps are counted and its scalars are fed. */
export interface SteppingOptimizer {
  readonly paramGroups: readonly {
    readonly lr: number;
    readonly countsSteps: boolean;
    scalarValues(completed: number): Readonly<Record<string, number>>;
  }[];
  /** How many steps were completed, and how many of these updated a parameter. */
  readonly stepCount: number;
  stepOf(parameter: Tensor): number;
  completeStep(updated: Iterable<Tensor>): void;
}

/** Parameters of a group that have had as many updates as each other, so that one set of scalars serves them. */
export interface UpdatedTogether {
  readonly optimizer: SteppingOptimizer;
  readonly group: number;
  readonly parameters: readonly Tensor[];
  /** How many updates the step itself has given them before this one. */
  readonly before: number;
}

export interface StepRecorder {
  /** Says that gradients of `loss` have been added to what it was computed from. */
  differentiated(loss: Tensor): void;
  /** Says that a gradient arrives at a leaf that had none. */
  received(leaf: Tensor): void;
  /** Says that the gradient of a leaf was taken away. */
  zeroed(leaf: Tensor): void;
  /** How many updates the step has given a parameter so far, by this optimizer. */
  updatesOf(optimizer: SteppingOptimizer, parameter: Tensor): number;
  /** The scalars of these names that every run is given for the update of these parameters. */
  scalars(updated: UpdatedTogether, names: readonly string[]): Readonly<Record<string, Value>>;
  /** The value of a tensor that `rule` keeps for a parameter, under a name that says so. */
  state(rule: string, parameter: Tensor, name: string, tensor: Tensor): Value;
  /** Makes `tensor`, a parameter or a state, refer to `value` from here on, and hold it after each run. */
  assign(tensor: Tensor, value: Value): void;
  /** Says that an optimizer has updated these parameters. */
  stepped(optimizer: SteppingOptimizer, parameters: readonly Tensor[]): void;
}
