/** A kernel that can run in several ways: scheduling offers them and a tuner decides by running them all. */

import type { ProgramPlan } from "./plan.ts";

/** One way to run a kernel. */
export interface TuningCandidate {
  /** The text of its schedule, under which a choice is stored. */
  readonly name: string;
  /** The time that the cost model expects, in the scheduler's unit. */
  readonly cost: number;
  /**
   * A program of this kernel alone, its buffers fed and read by the host; `undefined` if it is not proved to be sound.
   */
  plan(): ProgramPlan | undefined;
}

/** All ways to run one kernel, the cost model's first choice first. */
export interface TuningTask {
  /** The key under which the choice is stored: equal for kernels that do the same on backends of the same kind. */
  readonly key: string;
  /** The kernel's name in the program. */
  readonly kernel: string;
  readonly entries: readonly TuningCandidate[];
}

/** How the way to run one kernel was chosen. */
export interface TunedKernel {
  readonly key: string;
  readonly kernel: string;
  /** The text of its schedule. */
  readonly choice: string;
  /** Found now, found earlier, or nothing measured: then it is the cost model's first choice. */
  readonly source: "measured" | "stored" | "model";
  /** The time of one run by itself; absent if it was not measured. */
  readonly milliseconds?: number;
  /** The cost model's first choice, and its time. */
  readonly first: string;
  readonly firstMilliseconds?: number;
  /** How many ways were tried. */
  readonly tried: number;
}
