/** What a backend's code can do, stated once: passes schedule from this and never ask for a backend's name. */

import type { Machine } from "./machine.ts";

export interface Capabilities extends Machine {
  /** Whether what kernels compute from states alone is kept from run to run, until one of these states changes. */
  readonly prepares: boolean;
  /** Whether kernels are scheduled at all; if not, the plain nests run as lowered. */
  readonly schedules: boolean;
  /** True when each thread computes one output element (GPU kernels): gather only, one store. */
  readonly oneElementPerThread: boolean;
  /** The most buffers that a kernel may read and write; infinite if there is no limit. */
  readonly maxInputs: number;
  readonly maxOutputs: number;
  /** Whether a kernel may write the buffer it reads, element by element (parameter updates). */
  readonly inPlace: boolean;
  /** Whether several iterations may add into one element (ordered scatter). */
  readonly scatter: boolean;
  /** Whether NaN compares and propagates as IEEE 754 says. */
  readonly exactNaN: boolean;
}
