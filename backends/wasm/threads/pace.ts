/**
 * Decides, run by run, whether a program runs on all its threads or on the caller alone, from how long either took: the bits
 * are the same, so that the choice is free. It is what keeps a small step, or one on a busy machine, from waiting for others.
 */

/** How many runs of each kind are timed before one is preferred; the first of each warms up and does not count. */
const TRIALS = 4;

/** After so many runs the other kind is tried again; twice as many each time it loses by more than a half. */
const RETRY = 256;
const LONGEST_RETRY = 16_384;

/** How much of a new time goes into the average of those before. */
const WEIGHT = 0.25;

interface Kind {
  /** Runs that were timed, and their average in milliseconds. */
  runs: number;
  milliseconds: number;
}

export class Pace {
  private readonly together: Kind = { runs: -1, milliseconds: 0 };
  private readonly alone: Kind = { runs: -1, milliseconds: 0 };
  private untilRetry = RETRY;
  private retry = RETRY;
  /** The kind of the run that goes on. */
  private current: Kind = this.together;

  /** Whether the next run is one on all threads; `ended` must be told how long it took. */
  begin(): boolean {
    const { together, alone } = this;
    if (together.runs < TRIALS || alone.runs < TRIALS) {
      this.current = together.runs <= alone.runs ? together : alone;
    } else {
      const [better, other] =
        together.milliseconds <= alone.milliseconds ? [together, alone] : [alone, together];
      this.current = better;
      this.untilRetry--;
      if (this.untilRetry === 0) {
        const isClose = other.milliseconds < 1.5 * better.milliseconds;
        this.retry = isClose ? RETRY : Math.min(LONGEST_RETRY, 2 * this.retry);
        this.untilRetry = this.retry;
        this.current = other;
      }
    }
    return this.current === together;
  }

  ended(milliseconds: number): void {
    const kind = this.current;
    kind.runs++;
    if (kind.runs === 1) kind.milliseconds = milliseconds;
    else if (kind.runs > 1) kind.milliseconds += WEIGHT * (milliseconds - kind.milliseconds);
  }
}
