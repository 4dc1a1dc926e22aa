/**
 * Decides, run by run, whether a program runs on all its threads or on the caller alone, by how long either takes: the
 * bits are the same, so the choice is free. It keeps a small step, or one on a busy machine, from waiting for
 * other threads.
 */

/** Runs on all threads before the first trial: the engine is still compiling. */
const WARM_UP = 16;

/**
 * Runs of either kind in a trial; the shortest of each kind counts, since disturbances only add to it. Those of a kind
 * follow each other: threads that have slept through runs of the caller alone take longer to come than in a row of
 * their own runs (an MLP's step of 0.11 ms on two threads took 0.2, as long as on one).
 */
const TRIES = 4;

/** Runs from one trial to the next, at first and at most; doubled each time. */
const FIRST_PAUSE = 64;
const LONGEST_PAUSE = 4096;

/**
 * If so many runs in a row take twice as long as in the trial, the machine has changed: there is another trial, unless
 * the last one is too recent, and others follow it soon, since the machine may change back. If the system
 * puts two threads on one processor for some milliseconds, as happens now and then when one wakes up, an MLP's steps of
 * 0.06 ms on two threads would otherwise run on one, at 0.1, for the next two thousand.
 */
const SLOW_RUNS = 8;

/**
 * Whether the kernels `from` … `to` - 1 are all that every run of a program computes, up to its update of states:
 * `kernels` is how many there are, the first of which prepare.
 */
export const isWhole = (from: number, to: number, kernels: number, preparedTo = 0): boolean =>
  from === preparedTo && (to > from + 1 || to === kernels);

export class Pace {
  private together = true;
  private untilTrial = WARM_UP;
  private pause = FIRST_PAUSE;
  /** Runs of the trial that have begun. */
  private tried = 0;
  private shortestTogether = Number.POSITIVE_INFINITY;
  private shortestAlone = Number.POSITIVE_INFINITY;
  private slowRuns = 0;
  private sinceTrial = 0;

  /**
   * Performs a run, on all threads or on one, and times it if it is a `whole`: all that a program computes. Other
   * runs, its update of states or a single kernel, say nothing about the whole, and keep to its choice.
   */
  keep(whole: boolean, run: (isTogether: boolean) => void | Promise<void>): void | Promise<void> {
    if (!whole) return run(this.together);
    const begin = performance.now();
    const rest = run(this.begin());
    if (rest !== undefined) return rest.then(() => this.ended(performance.now() - begin));
    this.ended(performance.now() - begin);
    return undefined;
  }

  /** Whether the next run is on all threads; `ended` must be called with how long it took. */
  begin(): boolean {
    return this.isTrial ? this.triesTogether : this.together;
  }

  ended(milliseconds: number): void {
    if (this.isTrial) this.note(milliseconds);
    else this.watch(milliseconds);
  }

  private get isTrial(): boolean {
    return this.untilTrial === 0;
  }

  private get triesTogether(): boolean {
    return this.tried < TRIES;
  }

  private note(milliseconds: number): void {
    if (this.triesTogether) this.shortestTogether = Math.min(this.shortestTogether, milliseconds);
    else this.shortestAlone = Math.min(this.shortestAlone, milliseconds);
    this.tried++;
    if (this.tried < 2 * TRIES) return;
    this.together = this.shortestTogether <= this.shortestAlone;
    this.untilTrial = this.pause;
    this.pause = Math.min(LONGEST_PAUSE, 2 * this.pause);
    this.tried = 0;
    this.slowRuns = 0;
    this.sinceTrial = 0;
  }

  private watch(milliseconds: number): void {
    const usual = this.together ? this.shortestTogether : this.shortestAlone;
    this.slowRuns = milliseconds > 2 * usual ? this.slowRuns + 1 : 0;
    this.sinceTrial++;
    const hasChanged = this.slowRuns >= SLOW_RUNS && this.sinceTrial >= FIRST_PAUSE;
    if (hasChanged) this.pause = FIRST_PAUSE;
    this.untilTrial = hasChanged ? 0 : this.untilTrial - 1;
    if (!this.isTrial) return;
    this.shortestTogether = Number.POSITIVE_INFINITY;
    this.shortestAlone = Number.POSITIVE_INFINITY;
  }
}
