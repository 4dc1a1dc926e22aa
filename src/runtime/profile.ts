/** Measures programs side by side: the time of a run as a user has it, and of every kernel in it. */

import type { KernelInfo } from "./figures.ts";

/** A program with something to run it on. */
export interface Profiled {
  /** One run or step, as a user makes it. */
  run(): Promise<unknown>;
  /** One run, kernel by kernel: the milliseconds of each. */
  runByKernel(): Promise<readonly number[]>;
  readonly kernels: readonly KernelInfo[];
}

export interface KernelProfile extends KernelInfo {
  /** The median time of one run. */
  readonly milliseconds: number;
  /** 10⁹ operations a second, of those that it executes; entries of winner lists count as full. */
  readonly gflops: number;
}

export interface Profile {
  /** The median time of one run, everything included. */
  readonly milliseconds: number;
  /** How many runs that is the median of. */
  readonly runs: number;
  readonly kernels: readonly KernelProfile[];
}

/** Turns in which the programs take their shares of the time. */
const ROUNDS = 5;

/** Runs of each program in a round, however long they take. */
const LEAST_RUNS = 2;

/** The share of the time for whole runs; the rest goes kernel by kernel. */
const WHOLE = 0.6;

/** Measures all `programs` in turns, each for so many milliseconds, after one round that is not counted. */
export async function profile(
  programs: readonly Profiled[],
  milliseconds: number,
  now: () => number = () => performance.now(),
): Promise<readonly Profile[]> {
  const measured = programs.map((program) => ({
    program,
    whole: [] as number[],
    kernels: program.kernels.map((): number[] => []),
  }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { program, whole, kernels } of measured) {
      const share = milliseconds / (ROUNDS + 1);
      const runs = await timesOf(program, WHOLE * share, now);
      const apart = await kernelTimesOf(program, (1 - WHOLE) * share, now);
      if (round === 0) continue;
      whole.push(...runs);
      for (const times of apart) for (const [k, time] of times.entries()) kernels[k]?.push(time);
    }
  }
  return measured.map(({ program, whole, kernels }) => ({
    milliseconds: median(whole),
    runs: whole.length,
    kernels: program.kernels.map((info, k): KernelProfile => {
      const time = median(kernels[k]);
      return { ...info, milliseconds: time, gflops: time > 0 ? info.flops / time / 1e6 : 0 };
    }),
  }));
}

async function timesOf(program: Profiled, milliseconds: number, now: () => number): Promise<number[]> {
  const times: number[] = [];
  const end = now() + milliseconds;
  while (now() < end || times.length < LEAST_RUNS) {
    const begin = now();
    await program.run();
    times.push(now() - begin);
  }
  return times;
}

async function kernelTimesOf(
  program: Profiled,
  milliseconds: number,
  now: () => number,
): Promise<(readonly number[])[]> {
  const times: (readonly number[])[] = [];
  const end = now() + milliseconds;
  while (now() < end || times.length < LEAST_RUNS) times.push(await program.runByKernel());
  return times;
}

/** The middle of sorted values; 0 of none, which is what a kernel has that was not run by itself. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
