/** Runs a program's kernels one by one, so that each of them can be timed whatever asks for the run. */

import { Instrument } from "./instrument.ts";

export class KernelTimes extends Instrument {
  private readonly milliseconds = new Map<string, number>();

  /** What has been measured since it was last taken, by kernel, in the order they ran. */
  take(): ReadonlyMap<string, number> {
    const times = new Map(this.milliseconds);
    this.milliseconds.clear();
    return times;
  }

  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    for (let k = from; k < to; k++) {
      const begin = performance.now();
      const done = this.executable.run(k, k + 1, scalars);
      if (done !== undefined) await done;
      const time = performance.now() - begin;
      const { name } = this.plan.kernels[k];
      this.milliseconds.set(name, (this.milliseconds.get(name) ?? 0) + time);
    }
  }
}
