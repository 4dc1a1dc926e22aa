/**
 * The messages between a page's main thread and its worker. Every message calls a
 * method of the worker, in order, and has one answer. Memories and programs have
 * numbers, which the page assigns, so that it need not wait before it goes on.
 */

import type { DType, TypedArray } from "../../../src/core/dtype.ts";
import { DeviceLostError, InternalError, KilnError, ThreadLostError } from "../../../src/core/errors.ts";
import type { Move } from "../../../src/loop/loops.ts";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import type { Availability, StateSpec } from "../../backend.ts";
import type { CodeOptions } from "../program.ts";
import type { ProgramPlaces } from "../program-code.ts";

/** A state and its initial numbers. */
export interface FilledState {
  readonly spec: StateSpec;
  readonly data: TypedArray;
}

/** The methods of the worker. */
export interface PageWorkerCalls {
  /** Comes first: whether the backend can run there. The worker holds the lock of this name as long as it lives. */
  greet(lock: string): Promise<Availability>;
  /** Adds states to a memory, which is created if there is none of that number. */
  allocate(memory: number, states: readonly FilledState[]): Promise<void>;
  writeState(memory: number, name: string, data: TypedArray): Promise<void>;
  readStates(memory: number, names: readonly string[]): Promise<readonly TypedArray[]>;
  forgetMemory(memory: number): void;
  /** Returns the positions of the program, from which the page can print its code. */
  compile(program: number, memory: number, plan: ProgramPlan, options: CodeOptions): Promise<ProgramPlaces>;
  write(program: number, buffer: string, data: TypedArray): void;
  run(program: number, from: number, to: number, scalars: Float64Array): Promise<void>;
  move(program: number, move: Move, place: number): void;
  read(program: number, buffer: string, dtype: DType, length: number): TypedArray;
  dispose(program: number): void;
}

export type Method = keyof PageWorkerCalls;

export type Result<M extends Method> = Awaited<ReturnType<PageWorkerCalls[M]>>;

/** From the page to its worker. */
export interface Call<M extends Method = Method> {
  readonly id: number;
  readonly method: M;
  readonly parameters: Parameters<PageWorkerCalls[M]>;
}

/** From the worker to the page. */
export type Answer =
  | { readonly id: number; readonly kind: "result"; readonly result: Result<Method> }
  | { readonly id: number; readonly kind: "failure"; readonly failure: Failure };

/** An error in a message between threads, in which classes are lost. */
export interface Failure {
  readonly kind: "user" | "thread" | "internal";
  readonly message: string;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ThreadLostError) return { kind: "thread", message: error.message };
  if (error instanceof KilnError) return { kind: "user", message: error.message };
  if (error instanceof InternalError) return { kind: "internal", message: error.fault };
  return { kind: "internal", message: String(error) };
}

export function errorOf({ kind, message }: Failure): Error {
  switch (kind) {
    case "user":
      return new KilnError(message);
    case "thread":
      return new ThreadLostError(message);
    case "internal":
      return new InternalError(message);
    default:
      return kind satisfies never;
  }
}

/** The error of pending and later calls when the worker is gone. */
export const workerLost = (reason: string): DeviceLostError =>
  new DeviceLostError(`the worker of the wasm backend was lost: ${reason}`);

/** The parts of a message that may be moved to the other thread instead of copied: arrays that were made for it. */
export function movable(value: unknown): ArrayBuffer[] {
  if (Array.isArray(value)) return value.flatMap(movable);
  return ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
}
