/** Tuning tasks that need no backend and no clock: every way takes as long as it is told to, on a clock of its own. */

import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { TuningTask } from "../../src/loop/tuning-task.ts";
import type { Prepare } from "../../src/tuning/search.ts";

/** The milliseconds of each way by its name; the first is the cost model's choice. */
export type Times = Readonly<Record<string, number>>;

/** A machine on which time passes only while something runs. */
export class FakeMachine {
  time = 0;
  /** How much of it went by while something was measured. */
  measured = 0;
  /** How often each way was run. */
  readonly runs = new Map<string, number>();
  prepared = 0;
  disposed = 0;
  private readonly times: Times;

  constructor(times: Times) {
    this.times = times;
  }

  readonly now = (): number => this.time;

  /** Preparing takes a second each, which is no measuring. */
  readonly prepare: Prepare = async function* (this: FakeMachine, plans: Iterable<ProgramPlan>) {
    for (const { name } of plans) {
      this.prepared++;
      this.time += 1000;
      yield {
        run: (times: number) => {
          this.runs.set(name, (this.runs.get(name) ?? 0) + times);
          const milliseconds = times * this.times[name];
          this.time += milliseconds;
          this.measured += milliseconds;
          return milliseconds;
        },
        dispose: () => {
          this.disposed++;
        },
      };
    }
  }.bind(this);
}

/** A task between `names`, which the cost model likes in this order, each costing one more than the one before. */
export const tuningTaskOf = (key: string, names: readonly string[]): TuningTask => ({
  key,
  kernel: `kernel of ${key}`,
  entries: names.map((name, k) => ({ name, cost: 100 + k, plan: () => planNamed(name) })),
});

const planNamed = (name: string): ProgramPlan => ({
  name,
  kernels: [],
  buffers: [],
  inputs: [],
  outputs: [],
  states: [],
  scalars: [],
  commitFrom: 0,
  placements: [],
  arenaBytes: 0,
});
