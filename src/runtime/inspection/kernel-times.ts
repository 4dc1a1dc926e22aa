/** Runs a program's kernels one by one, so that each of them can be timed whatever asks for the run. */

import { Instrument } from "./instrument.ts";
import { runOneByOne } from "./one-by-one.ts";

export class KernelTimes extends Instrument {
  private readonly milliseconds = new Map<string, number>();

  /** The times measured since this was last called, by kernel, in the order they ran. */
  take(): ReadonlyMap<string, number> {
    const times = new Map(this.milliseconds);
    this.milliseconds.clear();
    return times;
  }

  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    const { plan, executable, milliseconds } = this;
    const add = (kernel: number, time: number): void => {
      const { name } = plan.kernels[kernel];
      milliseconds.set(name, (milliseconds.get(name) ?? 0) + time);
    };
    // A loop may have no iterations.
    for (let k = from; k < to; k++) add(k, 0);
    let begin = 0;
    await runOneByOne(plan, executable, [from, to], scalars, {
      before(): undefined {
        begin = performance.now();
      },
      after(kernel): undefined {
        add(kernel, performance.now() - begin);
      },
    });
  }
}
