/**
 * Finds the fastest of several ways to run a kernel by running them in turn: successive halving (Karnin, Koren and Somekh,
 * "Almost Optimal Exploration in Multi-Armed Bandits", 2013), with the cost model's order as its start.
 */

import type { ProgramPlan } from "../loop/plan.ts";
import type { TuningCandidate, TuningTask } from "../loop/tuning-task.ts";

/** A small program that is ready to run. */
export interface Runner {
  /** Runs so many times; returns the milliseconds for all of them. */
  run(times: number): number | Promise<number>;
  dispose(): void;
}

/** Prepares programs on demand, in order: whoever takes a runner disposes of it. */
export type Prepare = (plans: Iterable<ProgramPlan>) => AsyncIterable<Runner>;

/** How long to search. */
export interface Limits {
  /**
   * How long to measure, by the clock `now`; preparing programs takes additional time, for a C compiler more than that.
   */
  readonly milliseconds: number;
  now(): number;
  /** Tries every way that is offered, not only those that the cost model thinks possible. */
  readonly all?: boolean;
}

/** An entry that was run. */
export interface Measured {
  readonly name: string;
  readonly cost: number;
  /** The time of one run, the lower quartile of its samples; absent if there were too few samples. */
  readonly milliseconds: number | undefined;
}

export interface SearchResult {
  /** All that were run, the cost model's first choice first. Empty if there was no time for any. */
  readonly measured: readonly Measured[];
  readonly winner: Measured | undefined;
  /** Whether everything was tried; if not, a later search may find a better one. */
  readonly isFinished: boolean;
  /** Milliseconds that measuring took. */
  readonly spent: number;
}

/** The least and the most that are tried; between them, those that the model expects to be at most this much slower. */
const LEAST_TRIED = 8;
const MOST_TRIED = 16;
const PLAUSIBLE = 2;

/** A run must be repeated until its code is optimised: until it is twice as fast as at first, or for this long. */
const WARM_MILLISECONDS = 8;
const LEAST_WARM_RUNS = 3;
const MOST_WARM_RUNS = 500;

/** A sample repeats runs that are shorter than this, since clocks are coarse. */
const SAMPLE_MILLISECONDS = 0.3;
const MOST_REPEATS = 1000;

/** Samples of each entry in a round, and of the last two together. */
const ROUND_SAMPLES = 3;
const LAST_SAMPLES = 11;

/** A change from the model's first choice must gain this share of its time, so that noise does not decide. */
const LEAST_GAIN = 0.03;

/** The entries that a search runs: the model's favourites, the first choice first. */
export function shortList({ entries }: TuningTask, all = false): readonly TuningCandidate[] {
  if (all) return entries;
  const [first] = entries;
  return entries
    .slice(0, MOST_TRIED)
    .filter(({ cost }, place) => place < LEAST_TRIED || cost <= PLAUSIBLE * first.cost);
}

/** Searches until one is left or time is up. Everything that was prepared is disposed of. */
export async function search(task: TuningTask, prepare: Prepare, limits: Limits): Promise<SearchResult> {
  const wanted = shortList(task, limits.all);
  const sound: TuningCandidate[] = [];
  function* plans(): Generator<ProgramPlan> {
    for (const entry of wanted) {
      const plan = entry.plan();
      if (plan === undefined) {
        dropped++;
        continue;
      }
      sound.push(entry);
      yield plan;
    }
  }
  const { now } = limits;
  const begin = now();
  let preparing = 0;
  let dropped = 0;
  const spent = (): number => now() - begin - preparing;
  const isOver = (): boolean => spent() >= limits.milliseconds;
  const field: Lane[] = [];
  if (isOver()) return { measured: [], winner: undefined, isFinished: false, spent: 0 };
  try {
    let since = now();
    for await (const runner of prepare(plans())) {
      preparing += now() - since;
      const lane = new Lane(sound[field.length], runner);
      field.push(lane);
      await lane.warmUp(limits);
      if (isOver()) break;
      since = now();
    }
    // The engine optimises in the background: those whose turn was too short for it get another one.
    for (const lane of field) if (!lane.isWarm && !isOver()) await lane.warmUp(limits);
    const left = await halve(field, isOver);
    const measured = field.map((lane) => lane.result);
    const isFinished = field.length + dropped === wanted.length && left.length <= 2 && !isOver();
    return { measured, winner: winnerOf(measured), isFinished, spent: spent() };
  } finally {
    for (const lane of field) lane.dispose();
  }
}

/**
 * Rounds in which all that are left run in turns and the slower
 * half is dropped; the first choice stays, for comparison.
 */
async function halve(field: readonly Lane[], isOver: () => boolean): Promise<readonly Lane[]> {
  let left = field;
  while (left.length > 0 && !isOver()) {
    const isLast = left.length <= 2;
    for (let turn = 0; turn < (isLast ? LAST_SAMPLES : ROUND_SAMPLES); turn++) {
      for (const lane of left) {
        if (isOver()) return left;
        await lane.sample();
      }
    }
    if (isLast) break;
    const [first, ...others] = left;
    others.sort((a, b) => a.milliseconds - b.milliseconds);
    left = [first, ...others.slice(0, Math.floor(others.length / 2))];
  }
  return left;
}

function winnerOf(measured: readonly Measured[]): Measured | undefined {
  const [first] = measured;
  if (first?.milliseconds === undefined) return first;
  const enough = (1 - LEAST_GAIN) * first.milliseconds;
  return measured.reduce((best, other) => {
    const isFaster = other.milliseconds !== undefined && other.milliseconds < best.milliseconds!;
    return isFaster && other.milliseconds <= enough ? other : best;
  }, first);
}

/** One entry with its samples. */
class Lane {
  private readonly entry: TuningCandidate;
  private readonly runner: Runner;
  private readonly samples: number[] = [];
  private firstRun: number | undefined;
  private lastRun = 0;

  constructor(entry: TuningCandidate, runner: Runner) {
    this.entry = entry;
    this.runner = runner;
  }

  /** Whether the code has been seen to get faster. */
  get isWarm(): boolean {
    return this.firstRun !== undefined && this.lastRun < this.firstRun / 2;
  }

  async warmUp({ now }: Limits): Promise<void> {
    const begin = now();
    for (let runs = 0; runs < MOST_WARM_RUNS; runs++) {
      if (runs >= LEAST_WARM_RUNS && (this.isWarm || now() - begin >= WARM_MILLISECONDS)) break;
      this.lastRun = await this.runner.run(1);
      this.firstRun ??= this.lastRun;
    }
  }

  async sample(): Promise<void> {
    const wanted = this.lastRun > 0 ? Math.ceil(SAMPLE_MILLISECONDS / this.lastRun) : MOST_REPEATS;
    const repeats = Math.min(MOST_REPEATS, wanted);
    this.samples.push((await this.runner.run(repeats)) / repeats);
  }

  /** The lower quartile: disturbances make a run longer, never shorter. */
  get milliseconds(): number {
    const sorted = [...this.samples].sort((a, b) => a - b);
    return sorted[sorted.length >> 2];
  }

  get result(): Measured {
    const { name, cost } = this.entry;
    const isKnown = this.samples.length >= ROUND_SAMPLES;
    return { name, cost, milliseconds: isKnown ? this.milliseconds : undefined };
  }

  dispose(): void {
    this.runner.dispose();
  }
}
