/** Tunes a program: uses what was found before, searches for the rest within a budget, and stores what it finds. */

import type { Backend } from "../../backends/backend.ts";
import { KilnError } from "../core/errors.ts";
import { parseSchedule } from "../loop/parse-schedule.ts";
import type { Schedule } from "../loop/schedule.ts";
import type { TunedKernel, TuningTask } from "../loop/tuning-task.ts";
import { type ChoiceStore, ChoicesFile, type StoredChoice } from "./choices-file.ts";
import { choicesHere, choicesKey } from "./machine.ts";
import { prepareOn } from "./runner.ts";
import { type Prepare, type SearchResult, search } from "./search.ts";

/** The options of tuning. */
export interface TuneOptions {
  /**
   * How long to measure, for all kernels of a `compile` together (default: 2000); compiling the measured code takes
   * additional time. What is known already takes none.
   */
  readonly milliseconds?: number;
  /** The file that remembers winners; by default one in the user's cache folder (`KILN_CACHE`). */
  readonly file?: string;
}

/** The default time that a `compile` may measure, in milliseconds. */
export const DEFAULT_MILLISECONDS = 2000;

/** The tuner for one `compile` on `backend`. */
export async function tunerFor(backend: Backend, options: boolean | TuneOptions = true): Promise<Tuner> {
  const { milliseconds = DEFAULT_MILLISECONDS, file } = typeof options === "object" ? options : {};
  if (!Number.isFinite(milliseconds) || milliseconds < 0) {
    throw new KilnError(`tune.milliseconds must be a number of at least 0, not ${milliseconds}`);
  }
  const { schedules, oneElementPerThread } = backend.capabilities;
  if (!schedules || oneElementPerThread) {
    throw new KilnError(`the backend ${backend.name} runs each kernel in one way: there is nothing to tune`);
  }
  const store =
    file === undefined
      ? await choicesHere(backend.name)
      : new ChoicesFile(file, await choicesKey(backend.name));
  return new Tuner({ milliseconds, store, prepare: prepareOn(backend), now: () => performance.now() });
}

export interface TunerSettings {
  /** Milliseconds for all searches together. */
  readonly milliseconds: number;
  readonly store: ChoiceStore;
  readonly prepare: Prepare;
  now(): number;
}

/** Decides how kernels run. Its time is spent once: the programs that are tuned first get most of it. */
export class Tuner {
  private readonly settings: TunerSettings;
  private left: number;

  constructor(settings: TunerSettings) {
    this.settings = settings;
    this.left = settings.milliseconds;
  }

  /** Decides every task: by the store, else by a search, and if there is no time left by the cost model. */
  async tune(tasks: readonly TuningTask[]): Promise<readonly TunedKernel[]> {
    const { store, prepare, now } = this.settings;
    const known = await store.load();
    const tuned = new Map<string, TunedKernel>();
    const open: TuningTask[] = [];
    for (const task of tasks) {
      const stored = known.get(task.key);
      // A choice that is no longer offered is from another version of the scheduler.
      const isOffered = task.entries.some(({ name }) => name === stored?.choice);
      if (stored !== undefined && isOffered) tuned.set(task.key, fromStore(task, stored));
      else open.push(task);
    }
    const found = new Map<string, StoredChoice>();
    for (const { task, share } of sharesOf(open)) {
      const result = await search(task, prepare, { now, milliseconds: share * this.left });
      this.left = Math.max(0, this.left - result.spent);
      const kernel = fromSearch(task, result);
      tuned.set(task.key, kernel);
      const stored = result.isFinished ? storedChoice(kernel) : undefined;
      if (stored !== undefined) found.set(task.key, stored);
    }
    if (found.size > 0) await store.add(found);
    return tasks.map(({ key }) => tuned.get(key)!);
  }
}

/** The choices in the form that scheduling takes. */
export const choicesOf = (tuned: readonly TunedKernel[]): ReadonlyMap<string, Schedule> =>
  new Map(tuned.map(({ key, choice }) => [key, parseSchedule(choice)]));

/**
 * Tuning tasks with their shares of the time that is left when their turn comes, the heaviest kernel first. Shares are
 * proportional to the root of the cost: heavy kernels take longer
 * to measure and gain more, and light ones still get a turn.
 */
function sharesOf(tasks: readonly TuningTask[]): readonly { task: TuningTask; share: number }[] {
  const weighted = tasks
    .map((task) => ({ task, weight: Math.sqrt(task.entries[0].cost) + 1 }))
    .sort((a, b) => b.weight - a.weight);
  let rest = weighted.reduce((sum, { weight }) => sum + weight, 0);
  return weighted.map(({ task, weight }) => {
    const share = weight / rest;
    rest -= weight;
    return { task, share: Math.min(1, share) };
  });
}

const fromStore = (
  { key, kernel }: TuningTask,
  { choice, milliseconds, first, firstMilliseconds, tried }: StoredChoice,
): TunedKernel => ({
  key,
  kernel,
  choice,
  source: "stored",
  milliseconds,
  first,
  firstMilliseconds,
  tried,
});

function fromSearch({ key, kernel, entries }: TuningTask, { measured, winner }: SearchResult): TunedKernel {
  const first = entries[0].name;
  const firstMilliseconds = measured[0]?.milliseconds;
  if (winner?.milliseconds === undefined || firstMilliseconds === undefined) {
    return { key, kernel, choice: first, source: "model", first, tried: measured.length };
  }
  const { name: choice, milliseconds } = winner;
  return {
    key,
    kernel,
    choice,
    source: "measured",
    milliseconds,
    first,
    firstMilliseconds,
    tried: measured.length,
  };
}

function storedChoice({
  choice,
  milliseconds,
  first,
  firstMilliseconds,
  tried,
}: TunedKernel): StoredChoice | undefined {
  if (milliseconds === undefined || firstMilliseconds === undefined) return undefined;
  return { choice, milliseconds, first, firstMilliseconds, tried };
}
