/**
 * The workers of this process, shared by all programs: they are started when the first program needs them and end with
 * the last one. A worker that is lost takes the pool with it; the next program, or the next run, starts a new one.
 */

import { KilnError } from "../../../src/core/errors.ts";
import type { EngineMemory, EngineModule } from "../engine.ts";
import { CONTROL, CONTROL_WORDS, type FromWorker, type ToWorker } from "./control.ts";
import { startThread, type Thread } from "./host.ts";

/** What a worker is asked to run: phases of a program, as one of so many threads. */
export interface Run {
  readonly program: number;
  readonly threads: number;
  readonly from: number;
  readonly to: number;
  /** The count of the program's barrier before the run. */
  readonly base: number;
}

class PooledWorker {
  readonly thread: Thread;
  private readonly control: Int32Array<SharedArrayBuffer>;
  /** Callbacks that wait for a program to be loaded here. */
  private readonly loading = new Map<number, () => void>();

  constructor(number: number, failed: (reason: string) => void) {
    const buffer = new SharedArrayBuffer(4 * CONTROL_WORDS);
    this.control = new Int32Array(buffer);
    this.thread = startThread({
      message: (message) => this.receive(message, failed),
      ended: failed,
    });
    this.tell({ kind: "start", thread: number, control: buffer });
  }

  get runs(): number {
    return Atomics.load(this.control, CONTROL.runs);
  }

  start({ program, threads, from, to, base }: Run): void {
    const { control } = this;
    control[CONTROL.program] = program;
    control[CONTROL.threads] = threads;
    control[CONTROL.from] = from;
    control[CONTROL.to] = to;
    control[CONTROL.base] = base;
    Atomics.add(control, CONTROL.asked, 1);
    this.wake();
  }

  async load(id: number, module: EngineModule, memory: EngineMemory): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.loading.set(id, resolve));
    this.tell({ kind: "load", id, module, memory });
    await loaded;
  }

  unload(id: number): void {
    this.tell({ kind: "unload", id });
  }

  /** Has the worker handle a message, and return to runs. */
  private tell(message: ToWorker): void {
    this.thread.post(message);
    this.thread.post({ kind: "serve" });
    Atomics.add(this.control, CONTROL.calls, 1);
    this.wake();
  }

  private wake(): void {
    Atomics.add(this.control, CONTROL.ticket, 1);
    if (Atomics.load(this.control, CONTROL.sleeping) === 1) Atomics.notify(this.control, CONTROL.ticket);
  }

  private receive(message: FromWorker, failed: (reason: string) => void): void {
    switch (message.kind) {
      case "loaded":
        this.loading.get(message.id)?.();
        this.loading.delete(message.id);
        return;
      case "failed":
        failed(message.reason);
        return;
      default:
        message satisfies never;
    }
  }
}

export class ThreadPool {
  private static current: ThreadPool | undefined;
  private static programs = 0;

  private readonly workers: PooledWorker[] = [];
  /** The programs that are loaded, with how many workers each uses. */
  private readonly loaded = new Map<number, number>();
  private readonly lost: Promise<never>;
  private reject: (error: KilnError) => void = () => undefined;
  private tail: Promise<unknown> = Promise.resolve();
  /** Why the workers of this pool are gone, once they are. */
  failure: string | undefined;

  private constructor() {
    this.lost = new Promise((_, reject) => {
      this.reject = reject;
    });
    this.lost.catch(() => undefined);
  }

  /** The pool that is alive, or a new one. */
  static get(): ThreadPool {
    ThreadPool.current ??= new ThreadPool();
    return ThreadPool.current;
  }

  /** Workers that are alive now. */
  static get size(): number {
    return ThreadPool.current?.workers.length ?? 0;
  }

  /** How many runs each worker has taken part in. */
  static get runs(): readonly number[] {
    return ThreadPool.current?.workers.map(({ runs }) => runs) ?? [];
  }

  /** Starts workers until there are `threads` - 1: they start while the caller goes on. */
  prepare(threads: number): void {
    while (this.workers.length < threads - 1) {
      this.workers.push(new PooledWorker(this.workers.length + 1, (reason) => this.fail(reason)));
    }
  }

  /** Loads a program on all workers (the first thread is the caller); returns its number. */
  load(threads: number, module: EngineModule, memory: EngineMemory): Promise<number> {
    this.prepare(threads);
    const id = ++ThreadPool.programs;
    this.loaded.set(id, threads - 1);
    return this.queued(async () => {
      const workers = this.workers.slice(0, threads - 1);
      for (const { thread } of workers) thread.holdProcess(true);
      await Promise.race([this.lost, Promise.all(workers.map((worker) => worker.load(id, module, memory)))]);
      for (const { thread } of workers) thread.holdProcess(false);
      return id;
    });
  }

  /** Forgets a program; with the last one the workers end. */
  unload(id: number): void {
    const count = this.loaded.get(id);
    if (count === undefined || this.failure !== undefined) return;
    this.loaded.delete(id);
    for (const worker of this.workers.slice(0, count)) worker.unload(id);
    this.endIfUnused();
  }

  /** Ends the workers if no program is loaded, even if the one for which they were prepared has failed to load. */
  endIfUnused(): void {
    if (this.loaded.size === 0 && this.failure === undefined) this.end();
  }

  /** Has the workers take part in a run; the caller is thread 0. */
  start(run: Run): void {
    for (let k = 0; k < run.threads - 1; k++) this.workers[k].start(run);
  }

  /** Ends the workers as if one had been lost. */
  fail(reason: string): void {
    if (this.failure !== undefined) return;
    this.failure = reason;
    this.end();
    this.reject(new KilnError(`a thread of the wasm backend was lost: ${reason}`));
  }

  private end(): void {
    this.failure ??= "the pool has ended";
    if (ThreadPool.current === this) ThreadPool.current = undefined;
    for (const { thread } of this.workers) thread.terminate();
    this.workers.length = 0;
  }

  private queued<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}
