/**
 * What `KILN_DEBUG=3` shows of runs: the first one of each program, and after that totals, written at most once a
 * second, so that a training loop of ten thousand steps a second can still be read.
 */

import { millisecondsWithUnit } from "../../core/figures-text.ts";
import { currentDebug, type Debug } from "./debug.ts";
import type { KernelTimes } from "./kernel-times.ts";

/** The level from which runs are shown, and that from which kernels are run one by one to be timed. */
const RUNS = 3;
const KERNELS = 4;

/** Milliseconds from one line to the next. */
const PAUSE = 1000;

/** Runs of one program since they were last written. */
class Sums {
  readonly label: string;
  count = 0;
  total = 0;
  shortest = Number.POSITIVE_INFINITY;
  longest = 0;
  /** Runs whose program had been compiled already, and those that looked for one. */
  found = 0;
  sought = 0;
  /** By kernel, if they are timed. */
  readonly kernels = new Map<string, number>();

  constructor(label: string) {
    this.label = label;
  }
}

/** What happened in one run. */
export interface RunRecord {
  readonly milliseconds: number;
  /** The milliseconds of its kernels by name, if they were run one by one. */
  readonly kernels?: ReadonlyMap<string, number> | undefined;
  /** Whether its program was compiled already, if each run looks for one. */
  readonly found?: boolean | undefined;
}

/** What is timed: a program with its name, and the times of its kernels if they are measured. */
export interface Timed {
  readonly label: string;
  readonly kernelTimes?: KernelTimes | undefined;
  /** Whether it was compiled already, if each run looks for one. */
  readonly found?: boolean | undefined;
}

export class RunLog {
  private readonly debug: Debug;
  private readonly now: () => number;
  private readonly met = new Set<string>();
  private readonly waiting = new Map<string, Sums>();
  private written: number;

  constructor(debug: Debug, now: () => number = () => performance.now()) {
    this.debug = debug;
    this.now = now;
    this.written = now();
  }

  /** Whether kernels are to be timed. */
  get timesKernels(): boolean {
    return this.debug.level >= KERNELS;
  }

  /** Performs `work`, which is one run of `program`, and records how long it took. */
  async timed<T>({ label, found, kernelTimes }: Timed, work: () => Promise<T>): Promise<T> {
    kernelTimes?.take();
    const begin = performance.now();
    const result = await work();
    const milliseconds = performance.now() - begin;
    this.record(label, { milliseconds, kernels: kernelTimes?.take(), found });
    return result;
  }

  /** Adds a run of the program called `label`. */
  record(label: string, { milliseconds, kernels, found }: RunRecord): void {
    let sums = this.waiting.get(label);
    if (sums === undefined) {
      sums = new Sums(label);
      this.waiting.set(label, sums);
    }
    sums.count++;
    sums.total += milliseconds;
    sums.shortest = Math.min(sums.shortest, milliseconds);
    sums.longest = Math.max(sums.longest, milliseconds);
    if (found !== undefined) sums.sought++;
    if (found === true) sums.found++;
    for (const [name, time] of kernels ?? []) sums.kernels.set(name, (sums.kernels.get(name) ?? 0) + time);
    if (!this.met.has(label)) {
      this.met.add(label);
      this.write(sums);
      this.waiting.delete(label);
    } else if (this.now() - this.written >= PAUSE) this.flush();
  }

  /** Writes everything that is pending. */
  flush(): void {
    for (const sums of this.waiting.values()) this.write(sums);
    this.waiting.clear();
    this.written = this.now();
  }

  private write(sums: Sums): void {
    const { count, total, kernels } = sums;
    this.debug.write(sumsLine(sums));
    const sum = [...kernels.values()].reduce((a, b) => a + b, 0);
    for (const [name, time] of kernels) {
      const share = sum > 0 ? (100 * time) / sum : 0;
      const each = millisecondsWithUnit(time / count).padStart(10);
      this.debug.write(`  ${each} ${share.toFixed(1).padStart(5)} %  ${name}`);
    }
    const rest = total - sum;
    if (kernels.size > 0)
      this.debug.write(`  ${millisecondsWithUnit(rest / count).padStart(10)}          beside kernels`);
  }
}

function sumsLine({ label, count, total, shortest, longest, found, sought }: Sums): string {
  const each = millisecondsWithUnit(total / count);
  const range = `${millisecondsWithUnit(shortest)} to ${millisecondsWithUnit(longest)}`;
  const runs = count === 1 ? `a run of ${each}` : `${count} runs of ${each} each (${range})`;
  const programs = sought === 0 ? "" : `, ${found} found compiled, ${sought - found} not`;
  return `${label}: ${runs}${programs}`;
}

let log: { readonly debug: Debug; readonly runs: RunLog } | undefined;

/** The log of runs, if one is wanted. */
export function currentRunLog(): RunLog | undefined {
  const debug = currentDebug();
  if (debug === undefined || debug.level < RUNS) return undefined;
  if (log?.debug !== debug) {
    const runs = new RunLog(debug);
    log = { debug, runs };
    // The runs of the last second are not lost; a page has no such moment.
    if (typeof process !== "undefined" && process.once !== undefined)
      process.once("exit", () => runs.flush());
  }
  return log.runs;
}
