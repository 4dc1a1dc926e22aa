/** The threads that run one program: the caller, and workers of the pool on which the program is loaded. */

import type { EngineMemory, EngineModule } from "../engine.ts";
import { BARRIER_BYTES } from "./barrier.ts";
import { ThreadPool } from "./pool.ts";

export class ThreadTeam {
  readonly threads: number;
  private readonly module: EngineModule;
  private readonly memory: EngineMemory;
  /** The words of the program's barrier. */
  private readonly barrier: Int32Array;
  private pool: ThreadPool | undefined;
  private program = 0;

  /** A team for a module with a barrier at the address `barrierAt` of `memory`, which is shared. */
  constructor(threads: number, module: EngineModule, memory: EngineMemory, barrierAt: number) {
    this.threads = threads;
    this.module = module;
    this.memory = memory;
    this.barrier = new Int32Array(memory.buffer, barrierAt, BARRIER_BYTES / 4);
  }

  /** Why its workers are gone, if they are. */
  get failure(): string | undefined {
    return this.pool?.failure;
  }

  get isComplete(): boolean {
    return this.pool !== undefined && this.pool.failure === undefined;
  }

  /** Loads the program on workers, new ones if those before were lost. */
  async gather(): Promise<void> {
    const pool = ThreadPool.get();
    this.barrier.fill(0);
    this.program = await pool.load(this.threads, this.module, this.memory);
    this.pool = pool;
  }

  /** Has the workers run their part of the phases; returns what the caller needs to run its own. */
  start(from: number, to: number): number {
    const base = Atomics.load(this.barrier, 0);
    this.pool?.start({ program: this.program, threads: this.threads, from, to, base });
    return base;
  }

  dispose(): void {
    this.pool?.unload(this.program);
    this.pool = undefined;
  }
}
