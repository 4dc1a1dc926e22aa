/** A program whose kernels run one by one, so that each of them can be timed whatever asks for the run. */

import type { Executable, KernelSource } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import type { ProgramPlan } from "../../loop/plan.ts";

export class KernelTimes implements Executable {
  private readonly plan: ProgramPlan;
  private readonly executable: Executable;
  private readonly milliseconds = new Map<string, number>();

  constructor(plan: ProgramPlan, executable: Executable) {
    this.plan = plan;
    this.executable = executable;
  }

  /** What has been measured since it was last taken, by kernel. */
  take(): ReadonlyMap<string, number> {
    const times = new Map(this.milliseconds);
    this.milliseconds.clear();
    return times;
  }

  get backend(): string {
    return this.executable.backend;
  }

  get sources(): readonly KernelSource[] {
    return this.executable.sources;
  }

  write(buffer: string, data: TypedArray): void | Promise<void> {
    return this.executable.write(buffer, data);
  }

  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    for (let k = from; k < to; k++) {
      const begin = performance.now();
      await this.executable.run(k, k + 1, scalars);
      const { name } = this.plan.kernels[k];
      this.milliseconds.set(name, (this.milliseconds.get(name) ?? 0) + performance.now() - begin);
    }
  }

  read(buffer: string, into: TypedArray): void | Promise<void> {
    return this.executable.read(buffer, into);
  }

  dispose(): void {
    this.executable.dispose();
  }
}
