/** What a scheduling strategy is: it recognises a lowered kernel, prices it, and rewrites it. */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Schedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";

/** A way to run one kernel, with its estimated cost in half multiply-adds of a register tile (lower is better). */
export interface Candidate {
  readonly strategy: string;
  /** What it does. Most candidates are priced alone: those of many make it when it is read. */
  readonly schedule: Schedule;
  readonly cost: number;
}

/** What a strategy may need to know of the program around a kernel. */
export interface ProgramFacts {
  /** Buffers that hold what the user feeds. */
  readonly inputs: ReadonlySet<string>;
  /** Whether the user lets convolutions be computed by Winograd's method, which rounds differently. */
  readonly allowsWinograd: boolean;
  /** Of a kernel in a loop: how often it runs, and what is new each time. All else is packed once, before the loop. */
  readonly repeated?: { readonly iterations: number; readonly changing: ReadonlySet<string> } | undefined;
  /** The strategy that is forced wherever it matches, if one is. */
  readonly forced?: string | undefined;
  /** Whether nothing but the cheapest candidate of each strategy is wanted: others may be left out. */
  readonly wantsCheapest?: boolean;
}

export interface Strategy {
  readonly name: string;
  readonly doc: string;
  /** All ways in which this strategy can run `kernel`; none when it does not match. */
  candidates(kernel: Kernel, capabilities: Capabilities, facts?: ProgramFacts): readonly Candidate[];
}
