/** What a scheduling strategy is: it recognises a lowered kernel, prices it, and rewrites it. */

import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { ProgramBuffer } from "../../src/loop/program.ts";
import type { Kernel } from "../../src/loop/types.ts";

/** Kernels that replace one, and the scratch buffers between them. */
export interface Scheduled {
  readonly kernels: readonly Kernel[];
  readonly scratch: readonly ProgramBuffer[];
}

/** A way to run one kernel, with its estimated cost in executed operations (lower is better). */
export interface Candidate {
  readonly strategy: string;
  readonly cost: number;
  apply(): Scheduled;
}

export interface Strategy {
  readonly name: string;
  readonly doc: string;
  /** All ways in which this strategy can run `kernel`; none when it does not match. */
  candidates(kernel: Kernel, capabilities: Capabilities): readonly Candidate[];
}
