/** The input of the writers of stand-alone modules: a compiled program as plain data. */

import type { IndexLimit } from "../core/index-limit.ts";
import type { ProgramPlan } from "../loop/plan.ts";

/** The role of a state for the module's users; only an optimizer's may be missing from a file, and are zero then. */
export type StateRole = "parameter" | "buffer" | "constant" | "optimizer";

/** How an optimizer's scalars follow from the learning rate and the number of steps. */
export interface OptimizerText {
  /** The update rule's name: `sgd`, `adam`. */
  readonly rule: string;
  /** Its options, which are constants of the compiled step. */
  readonly settings: object;
  readonly lr: number;
}

export interface PortableProgram {
  /** Compiled for one thread. */
  readonly plan: ProgramPlan;
  /** By input name: the limits of an input that holds indices. */
  readonly limits: ReadonlyMap<string, readonly IndexLimit[]>;
  /** The limits that the outputs for computed indices check, in order. */
  readonly computedLimits: readonly IndexLimit[];
  /** By state name. */
  readonly roles: ReadonlyMap<string, StateRole>;
  /** The initial seed of random layers. */
  readonly seed: number;
  /** The structure of a run's result: lists and records with the indices of outputs; absent for a training step. */
  readonly returned?: unknown;
  /** Absent for a forward pass. */
  readonly optimizer?: OptimizerText;
}

/** The kind of code that a module runs: loops in its own text, or WebAssembly in a second file. */
export type ModuleTarget = "js" | "wasm";

/** The target that a model is built for: a module, or a library in C. */
export type Target = ModuleTarget | "c";
