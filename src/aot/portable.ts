/** What the command line hands over to be written as a module of its own: a compiled program as plain data. */

import type { IndexLimit } from "../core/index-limit.ts";
import type { ProgramPlan } from "../loop/plan.ts";

/** What a state is to whoever uses the module; only an optimizer's may be missing from a file, and are zero then. */
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
  /** By input name: which numbers an input may hold that is an index. */
  readonly limits: ReadonlyMap<string, readonly IndexLimit[]>;
  /** What the outputs for computed indices are about, in order. */
  readonly computedLimits: readonly IndexLimit[];
  /** By state name. */
  readonly roles: ReadonlyMap<string, StateRole>;
  /** What random layers draw from at first. */
  readonly seed: number;
  /** What a run gives: lists and records, in which numbers tell which output stands where; absent for a training step. */
  readonly returned?: unknown;
  /** Absent for a forward pass. */
  readonly optimizer?: OptimizerText;
}

/** Which code a module runs: loops in its own text, or WebAssembly beside it. */
export type ModuleTarget = "js" | "wasm";

/** What a model is built as: a module, or a library in C. */
export type Target = ModuleTarget | "c";
