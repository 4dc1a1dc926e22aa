/** Defines a scheduling strategy: it recognises a lowered kernel, prices it, and rewrites it. */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Schedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";

/** A way to run one kernel, with its estimated cost in half multiply-adds of a register tile (lower is better). */
export interface Candidate {
  readonly strategy: string;
  /** The steps. Most candidates are only compared by cost, so some build their schedule when it is read. */
  readonly schedule: Schedule;
  readonly cost: number;
}

/** What a strategy may need to know about the program around a kernel. */
export interface ProgramFacts {
  /** Buffers that the user feeds. */
  readonly inputs: ReadonlySet<string>;
  /** Whether the user lets convolutions be computed by Winograd's method, which rounds differently. */
  readonly allowsWinograd: boolean;
  /**
   * For a kernel in a loop: how often it runs, and which buffers
   * change each time. All others are packed once, before it.
   */
  readonly repeated?: { readonly iterations: number; readonly changing: ReadonlySet<string> } | undefined;
  /** The strategy that is forced wherever it matches, if one is. */
  readonly forced?: string | undefined;
  /** Whether only the cheapest candidate of each strategy is wanted: others may be left out. */
  readonly wantsCheapest?: boolean;
}

export interface Strategy {
  readonly name: string;
  readonly doc: string;
  /** All ways in which this strategy can run `kernel`; none if it does not match. */
  candidates(kernel: Kernel, capabilities: Capabilities, facts?: ProgramFacts): readonly Candidate[];
}
