/** What the tracer needs of models and losses: `nn.Module` is one. */

import type { TensorType } from "../ir/types.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Outputs, Tensors } from "../tensor/tensor-tree.ts";
import type { Place } from "./origins.ts";

export type { TensorType };

/** The module's hooks; another value after every change. */
export const HOOKS: unique symbol = Symbol.for("kiln.Module.hooks");

/** What the tracer needs of a module; `nn.Module` is one. */
export interface Traceable {
  forward(...inputs: unknown[]): Outputs;
  /** Itself, under the name "", and all its parts by dotted path. */
  namedModules(): Iterable<readonly [string, Traceable]>;
  /** What it learns, by dotted name. */
  namedParameters(): Iterable<readonly [string, Tensor]>;
  /** What it keeps and does not learn, by dotted name. */
  namedBuffers(): Iterable<readonly [string, Tensor]>;
  /** The hooks that forward calls, if a module has any. */
  readonly [HOOKS]?: unknown;
  /** @internal Where the user made it, when known. */
  readonly constructedAt?: Place | undefined;
}

/** A loss: a module of outputs and targets. */
export interface TraceableLoss extends Traceable {
  /** The type of the target for an output, if `targets` are not given. */
  targetType?(output: TensorType): TensorType;
}

/** A number that is computed from outputs and targets along with the loss; one tensor of one element. */
export type Metric = (...given: readonly Tensor[]) => Tensor;

/** A whole training step: forward and backward passes and updates. */
export type TraceableStep = (...inputs: Tensor[]) => unknown;

/** How a model is given its inputs. */
export interface Passed {
  /** The state that goes from one run into the next, given last. */
  readonly carried?: Tensors | undefined;
  /** The arguments that the inputs are part of: the inputs themselves by default. */
  readonly arrange?: (inputs: readonly Tensor[]) => readonly unknown[];
}
