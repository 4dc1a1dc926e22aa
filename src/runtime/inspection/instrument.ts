/**
 * A wrapper around a program that observes its runs and can be used like the program. Timing kernels, watching them
 * for NaN, finding the kernel to blame and comparing each with the oracle
 * are instruments, and none of them costs anything if it is not used.
 */

import type { Executable, KernelSource } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import type { Move, ProgramLoop } from "../../loop/loops.ts";
import type { ProgramPlan } from "../../loop/plan.ts";

export abstract class Instrument implements Executable {
  protected readonly plan: ProgramPlan;
  protected readonly executable: Executable;

  constructor(plan: ProgramPlan, executable: Executable) {
    this.plan = plan;
    this.executable = executable;
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

  abstract run(from: number, to: number, scalars: Float64Array): Promise<void>;

  move(move: Move, place: number): void | Promise<void> {
    return this.executable.move(move, place);
  }

  end(loop: ProgramLoop): void {
    this.executable.end?.(loop);
  }

  read(buffer: string, into: TypedArray): void | Promise<void> {
    return this.executable.read(buffer, into);
  }

  dispose(): void {
    this.executable.dispose();
  }
}
