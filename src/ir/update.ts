/** How an optimizer writes its step into a graph: the contract between `src/optim` and the training-step pass. */

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
