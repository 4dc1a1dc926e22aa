/**
 * The contract between the runtime and a backend. A backend is a printer plus a loader over the shared Loop
 * IR: it sees kernels, buffers and offsets, never ops or modules.
 */

import type { DType, TypedArray } from "../src/core/dtype.ts";
import type { Shape } from "../src/core/shape.ts";
import type { Capabilities } from "../src/loop/capabilities.ts";
import type { Move, ProgramLoop } from "../src/loop/loops.ts";
import type { ProgramPlan } from "../src/loop/plan.ts";

export interface Availability {
  /** Whether it can run here. */
  readonly available: boolean;
  /** Why it can run here, or what is missing. */
  readonly reason: string;
}

/** One state in a store: a parameter, a buffer or an optimizer's moment. */
export interface StateSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The states of one model on one backend; the programs compiled from the model share it. */
export interface StateMemory {
  /** Adds states, set to zero. Existing names are left alone. */
  allocate(states: readonly StateSpec[]): void;
  read(name: string): Promise<TypedArray>;
  write(name: string, data: TypedArray): Promise<void>;
  /**
   * Copies all states to the host, if the memory is on a device
   * that may be lost; `read` returns these copies from then on.
   */
  mirror?(): Promise<void>;
  readonly byteLength: number;
}

export interface KernelSource {
  readonly name: string;
  /** The code of this kernel exactly as it runs. */
  readonly text: string;
}

/** A loaded program. Calls are made one after another; nothing here is reentrant. */
export interface Executable {
  /** The backend that runs it, including its mode: `gpujs:webgl2` if `gpujs` was asked for. */
  readonly backend: string;
  readonly sources: readonly KernelSource[];
  /** Copies a user's data into an input. */
  write(buffer: string, data: TypedArray): void | Promise<void>;
  /**
   * Runs the kernels `from` … `to` - 1 of the plan, with all iterations of the loops that are entirely in this range,
   * in the order of `runOrder`; `scalars` in the order of the plan's names.
   */
  run(from: number, to: number, scalars: Float64Array): void | Promise<void>;
  /** Does one move of a loop: for callers that run a loop's kernels one by one. */
  move(move: Move, place: number): void | Promise<void>;
  /** Says that all iterations of a loop have run one by one, so that the backend can free what they needed. */
  end?(loop: ProgramLoop): void;
  /** Copies a result out; `into` has the result's length. */
  read(buffer: string, into: TypedArray): void | Promise<void>;
  /** Frees the arena, never the states. */
  dispose(): void;
}

/** Options of any backend. */
export interface BackendOptions {
  /** How many threads a run may use: by default as many as there are processors. */
  readonly threads?: number;
  /** Whether the bits must be the same on every engine: no instruction whose rounding is the engine's choice. */
  readonly deterministic?: boolean;
}

export interface Backend<Name extends string = string> {
  readonly name: Name;
  readonly capabilities: Capabilities;
  /** This backend with `options`; throws a {@link KilnError} that says what is possible if that is less. */
  configured(options: BackendOptions): Backend;
  /** Whether it can run here; finding out may need code that is loaded on demand. */
  available(): Availability | Promise<Availability>;
  /** Memory that programs of this backend can use, however it is configured. */
  createStateMemory(): StateMemory;
  compile(plan: ProgramPlan, states: StateMemory): Promise<Executable>;
  /** Compiles several small programs at once, if compiling each by itself takes much longer. */
  compileTogether?(plans: readonly ProgramPlan[], states: StateMemory): Promise<readonly Executable[]>;
}
