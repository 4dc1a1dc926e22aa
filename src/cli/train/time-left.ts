/** How long a training still has to run, by the pace of its steps so far. */

import { durationText } from "../../core/figures-text.ts";

export class TimeLeft {
  private readonly epochs: number;
  private readonly now: () => number;
  private epoch = 1;
  private steps = 0;
  private done = 0;
  private made = 0;
  private milliseconds = 0;
  private last: number | undefined;

  /** `now` returns milliseconds. */
  constructor(epochs: number, now: () => number = () => performance.now()) {
    this.epochs = epochs;
    this.now = now;
  }

  /** An epoch of so many steps begins, `done` of which were made before. The time between epochs does not count. */
  epochBegins(epoch: number, steps: number, done: number): void {
    [this.epoch, this.steps, this.done, this.last] = [epoch, steps, done, this.now()];
  }

  step(): void {
    const now = this.now();
    this.milliseconds += now - (this.last ?? now);
    this.last = now;
    this.done++;
    this.made++;
  }

  /** `2 min 10 s left`; empty before there is a pace, and if the number of steps is not known. */
  get text(): string {
    if (this.made === 0 || !Number.isFinite(this.steps) || this.steps === 0) return "";
    const left = Math.max(0, this.steps - this.done) + (this.epochs - this.epoch) * this.steps;
    const seconds = Math.max(1, Math.ceil((left * this.milliseconds) / this.made / 1000));
    return `${seconds < 100 ? `${seconds} s` : durationText(1000 * seconds)} left`;
  }
}
