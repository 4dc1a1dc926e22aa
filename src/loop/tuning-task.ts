/** A kernel that can be run in several ways: what scheduling offers and a tuner decides by running all of them. */

import type { ProgramPlan } from "./plan.ts";

/** One way to run a kernel. */
export interface TuningCandidate {
  /** The text of its schedule, under which a choice is kept. */
  readonly name: string;
  /** The time that the cost model expects, in the scheduler's unit. */
  readonly cost: number;
  /** A program of this kernel alone, its buffers fed and read by the host; `undefined` where it is not proved to be sound. */
  plan(): ProgramPlan | undefined;
}

/** All ways to run one kernel, the one that the cost model likes best first. */
export interface TuningTask {
  /** What the choice is kept under: equal for kernels that do the same on backends of the same kind. */
  readonly key: string;
  /** The kernel's name in the program. */
  readonly kernel: string;
  readonly entries: readonly TuningCandidate[];
}

/** How one kernel came to be run as it is. */
export interface TunedKernel {
  readonly key: string;
  readonly kernel: string;
  /** The text of its schedule. */
  readonly choice: string;
  /** Found now, found earlier, or nothing measured: then it is the cost model's first choice. */
  readonly source: "measured" | "stored" | "model";
  /** The time of one run by itself; absent when it was not measured. */
  readonly milliseconds?: number;
  /** The cost model's first choice, and its time. */
  readonly first: string;
  readonly firstMilliseconds?: number;
  /** How many ways were tried. */
  readonly tried: number;
}
