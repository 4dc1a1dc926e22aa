/** What a backend's code can do, stated once: passes schedule from this and never ask for a backend's name. */

export interface Capabilities {
  /** Whether kernels are scheduled at all; without it the plain nests are run as they were lowered. */
  readonly schedules: boolean;
  /** Floats in one vector register; 1 for scalar code. */
  readonly vectorWidth: number;
  /** Registers that a tile may fill before they spill: accumulators, and in vector code also what feeds them. */
  readonly registers: number;
  /** GFLOP/s of a full register tile on one thread, as measured on the machine of the benchmarks: what estimates are told in. */
  readonly tileGflops: number;
  /** Threads among which the work of a kernel may be divided; 1 where a kernel runs as a whole. */
  readonly threads: number;
  /** True when each thread computes one output element (GPU kernels): gather only, one store. */
  readonly oneElementPerThread: boolean;
  /** Most buffers a kernel may read and write; infinite where there is no limit. */
  readonly maxInputs: number;
  readonly maxOutputs: number;
  /** Whether a kernel may write the buffer it reads, element by element (parameter updates). */
  readonly inPlace: boolean;
  /** Whether several iterations may add into one element (ordered scatter). */
  readonly scatter: boolean;
  /** Whether NaN compares and propagates as IEEE 754 says. */
  readonly exactNaN: boolean;
}
