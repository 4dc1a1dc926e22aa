/**
 * The code of a page's worker: the backend itself, memories and programs,
 * on a thread that may wait. Calls are served one after another, in order.
 */

import { allocate, type DType, type TypedArray } from "../../../src/core/dtype.ts";
import { invariant } from "../../../src/core/errors.ts";
import type { Move } from "../../../src/loop/loops.ts";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import type { Availability } from "../../backend.ts";
import { engineAvailability } from "../availability.ts";
import { ModelMemory } from "../memory.ts";
import { type CodeOptions, loadProgram, type WasmProgram } from "../program.ts";
import type { ProgramPlaces } from "../program-code.ts";
import { canShareMemory } from "../threads/host.ts";
import {
  type Answer,
  type Call,
  type FilledState,
  failureOf,
  type Method,
  movable,
  type PageWorkerCalls,
  type Result,
} from "./messages.ts";

/** The parts of a worker's globals that are used. */
interface WorkerScope {
  onmessage: (event: { readonly data: Call }) => void;
  readonly location: { readonly href: string };
  kilnWorker?: string;
  postMessage(message: Answer, moved: readonly ArrayBuffer[]): void;
  readonly navigator: {
    readonly locks?: { request(name: string, use: () => Promise<unknown>): Promise<unknown> };
  };
}

const scope = globalThis as unknown as WorkerScope;

// If started from a file, it starts its threads from the same one.
if (!scope.location.href.startsWith("blob:")) scope.kilnWorker = scope.location.href;

/** Takes a lock that the browser gives to the next waiter when this worker has ended, for whatever reason. */
function holdLock(name: string): Promise<void> {
  const { locks } = scope.navigator;
  // Without locks (on insecure pages), a worker that ends without an error is not noticed.
  if (locks === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const forever = (): Promise<unknown> => {
      resolve();
      return new Promise(() => undefined);
    };
    locks.request(name, forever).catch(() => resolve());
  });
}

class PageService implements PageWorkerCalls {
  private readonly memories = new Map<number, ModelMemory>();
  private readonly programs = new Map<number, WasmProgram>();

  async greet(lock: string): Promise<Availability> {
    await holdLock(lock);
    return engineAvailability();
  }

  async allocate(memory: number, states: readonly FilledState[]): Promise<void> {
    const there = this.memories.get(memory) ?? new ModelMemory({ shared: canShareMemory() });
    this.memories.set(memory, there);
    there.allocate(states.map(({ spec }) => spec));
    for (const { spec, data } of states) await there.write(spec.name, data);
  }

  writeState(memory: number, name: string, data: TypedArray): Promise<void> {
    return this.memory(memory).write(name, data);
  }

  readStates(memory: number, names: readonly string[]): Promise<readonly TypedArray[]> {
    const there = this.memory(memory);
    return Promise.all(names.map((name) => there.read(name)));
  }

  forgetMemory(memory: number): void {
    this.memories.delete(memory);
  }

  async compile(
    program: number,
    memory: number,
    plan: ProgramPlan,
    options: CodeOptions,
  ): Promise<ProgramPlaces> {
    const loaded = await loadProgram(plan, this.memory(memory), options);
    this.programs.set(program, loaded);
    return loaded.places;
  }

  write(program: number, buffer: string, data: TypedArray): void {
    this.program(program).write(buffer, data);
  }

  async run(program: number, from: number, to: number, scalars: Float64Array): Promise<void> {
    await this.program(program).run(from, to, scalars);
  }

  move(program: number, move: Move, place: number): void {
    this.program(program).move(move, place);
  }

  read(program: number, buffer: string, dtype: DType, length: number): TypedArray {
    const numbers = allocate(dtype, length);
    this.program(program).read(buffer, numbers);
    return numbers;
  }

  dispose(program: number): void {
    this.programs.get(program)?.dispose();
    this.programs.delete(program);
  }

  private memory(number: number): ModelMemory {
    const memory = this.memories.get(number);
    invariant(memory !== undefined, `no memory ${number}`);
    return memory;
  }

  private program(number: number): WasmProgram {
    const program = this.programs.get(number);
    invariant(program !== undefined, `no program ${number}`);
    return program;
  }
}

const service = new PageService();

async function serve({ id, method, parameters }: Call): Promise<void> {
  try {
    const called = service[method] as (...given: readonly unknown[]) => unknown;
    const result = (await called.apply(service, parameters)) as Result<Method>;
    scope.postMessage({ id, kind: "result", result }, movable(result));
  } catch (error) {
    scope.postMessage({ id, kind: "failure", failure: failureOf(error) }, []);
  }
}

let served: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  served = served.then(() => serve(data));
};
