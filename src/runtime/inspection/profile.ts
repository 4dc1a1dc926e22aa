/** Measures several programs: the time of a run as a user makes it, and of every kernel in it. */

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
  /** 10⁹ executed operations per second; entries of winner lists count as full. */
  readonly gflops: number;
}

export interface Profile {
  /** The median time of one run, everything included. */
  readonly milliseconds: number;
  /** The number of runs measured. */
  readonly runs: number;
  readonly kernels: readonly KernelProfile[];
}

/** Rounds in which the programs take turns. */
const ROUNDS = 5;

/** The least number of runs of each program in a round, however long they take. */
const LEAST_RUNS = 2;

/** The share of the time for whole runs; the rest goes kernel by kernel. */
const WHOLE = 0.6;

/** A clock with finer steps than this, in milliseconds, can measure even small kernels. */
const FINE_CLOCK = 0.002;

/** A time of so many steps of the clock is accurate to a few percent. */
const FEWEST_TICKS = 20;

/** How often to poll for the clock to advance; one that does not is a test's. */
const MOST_LOOKS = 100_000;

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
  const tick = tickOf(now);
  return measured.map(({ program, whole, kernels }) => profileFrom(program, whole, kernels, tick));
}

/**
 * Measures one program for so many milliseconds: whole runs first, then kernel by kernel, so that a backend that learns
 * from its runs how to divide them among threads has whole ones to learn from. The first runs of either kind are not
 * counted. Where runs are too long for that time, two whole runs and one by kernels are counted.
 */
export async function profileAlone(
  program: Profiled,
  milliseconds: number,
  now: () => number = () => performance.now(),
): Promise<Profile> {
  const share = milliseconds / (ROUNDS + 1);
  const begin = now();
  await timesOf(program, WHOLE * share, now, 1);
  const whole = await timesOf(program, begin + WHOLE * milliseconds - now(), now);
  const middle = now();
  await kernelTimesOf(program, (1 - WHOLE) * share, now, 1);
  const apart = await kernelTimesOf(program, middle + (1 - WHOLE) * milliseconds - now(), now, 1);
  return profileFrom(
    program,
    whole,
    program.kernels.map((_, k) => apart.map((times) => times[k])),
    tickOf(now),
  );
}

/** The usual time of whole runs, and of each kernel. */
const profileFrom = (
  program: Profiled,
  whole: readonly number[],
  kernels: readonly (readonly number[])[],
  tick: number,
): Profile => ({
  milliseconds: usualTime(whole, tick),
  runs: whole.length,
  kernels: program.kernels.map((info, k): KernelProfile => {
    const time = usualTime(kernels[k], tick);
    return { ...info, milliseconds: time, gflops: time > 0 ? info.flops / time / 1e6 : 0 };
  }),
});

async function timesOf(
  program: Profiled,
  milliseconds: number,
  now: () => number,
  least = LEAST_RUNS,
): Promise<number[]> {
  const times: number[] = [];
  const end = now() + milliseconds;
  while (now() < end || times.length < least) {
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
  least = LEAST_RUNS,
): Promise<(readonly number[])[]> {
  const times: (readonly number[])[] = [];
  const end = now() + milliseconds;
  while (now() < end || times.length < least) times.push(await program.runByKernel());
  return times;
}

/** The step of a coarse clock, such as those of pages, in milliseconds; 0 for a fine one. */
function tickOf(now: () => number): number {
  const begin = now();
  let next = begin;
  for (let turn = 0; next === begin && turn < MOST_LOOKS; turn++) next = now();
  return next - begin < FINE_CLOCK ? 0 : next - begin;
}

/**
 * The median, which interruptions do not affect. For times of only a few steps of the clock, the mean: each of them is
 * measured too long or too short, but their average is not.
 */
function usualTime(values: readonly number[], tick: number): number {
  const middle = median(values);
  if (tick === 0 || middle >= FEWEST_TICKS * tick || values.length === 0) return middle;
  return values.reduce((sum, time) => sum + time, 0) / values.length;
}

/** The middle of sorted values; 0 if there are none, as for a kernel that was not run by itself. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
