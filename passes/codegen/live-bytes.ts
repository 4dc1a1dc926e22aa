/** Memory that is alive in the arena while kernels run, and would be in another order: joining must not increase it. */

import { aliveDuring, type Lifetime, lifetimesOf } from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Kernel } from "../../src/loop/types.ts";

export class LiveBytes {
  private readonly lives: ReadonlyMap<string, Lifetime>;
  /** Bytes alive by kernel, including what has been moved to earlier kernels. */
  private readonly alive: number[];

  constructor(program: LoweredProgram) {
    const lifetimes = lifetimesOf(program);
    this.lives = new Map(lifetimes.map((life) => [life.buffer, life]));
    this.alive = aliveDuring(lifetimes, program.kernels.length);
  }

  /** The bytes alive at any time during the kernels `from` … `to`: all at once if they are joined. */
  within(from: number, to: number): number {
    let sum = 0;
    for (const { byteLength, first, last } of this.lives.values())
      if (first <= to && last >= from) sum += byteLength;
    return sum;
  }

  /** The bytes that `kernel` fills. */
  filledBy({ buffers }: Kernel): number {
    return buffers.reduce(
      (sum, { name, access }) => (access === "read" ? sum : sum + (this.lives.get(name)?.byteLength ?? 0)),
      0,
    );
  }

  /** The maximum alive during the kernels `from` … `to` - 1. */
  most(from: number, to: number): number {
    return Math.max(0, ...this.alive.slice(from, to));
  }

  /** Counts so many more bytes as alive during the kernels `from` … `to` - 1. */
  lengthen(bytes: number, from: number, to: number): void {
    for (let k = from; k < to; k++) this.alive[k] += bytes;
  }
}
