/** A program on the model's memory: loaded, fed and run, on one thread or on several. */

import type { TypedArray } from "../../src/core/dtype.ts";
import { ThreadLostError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { type Move, moveElements } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Executable, KernelSource } from "../backend.ts";
import { isWhole, Pace } from "../pace.ts";
import { type EngineFunction, engine } from "./engine.ts";
import { MEMORY_IMPORT, type ModelMemory, type Region, View } from "./memory.ts";
import { encodeProgram, type ProgramCode, type ProgramPlaces, printPlan, sourcesOf } from "./program-code.ts";
import { BARRIER_BYTES } from "./threads/barrier.ts";
import { ThreadPool } from "./threads/pool.ts";
import { DONE, RUN } from "./threads/run-function.ts";
import { ThreadTeam } from "./threads/team.ts";

/** Options of the generated code. */
export interface CodeOptions {
  readonly usesRelaxedMadd: boolean;
  /** Whether each run may take one thread if that is faster. */
  readonly mayRunAlone: boolean;
}

/** A cache line. */
const LINE = 64;
const wholeLines = (bytes: number): number => Math.ceil(bytes / LINE) * LINE;

/** Prints, compiles and loads `plan`; its arena is a region of `memory` until it is disposed of. */
export async function loadProgram(
  plan: ProgramPlan,
  memory: ModelMemory,
  options: CodeOptions,
): Promise<WasmProgram> {
  const { threads = 1 } = plan;
  // Workers start while the program is printed and compiled.
  if (threads > 1) ThreadPool.get().prepare(threads);
  const [arenaBytes, scalarBytes] = [plan.arenaBytes, 8 * plan.scalars.length].map(wholeLines);
  let arena: Region | undefined;
  try {
    const region = memory.reserve(arenaBytes + scalarBytes + BARRIER_BYTES);
    arena = region;
    const scalarsAt = region.offset + arenaBytes;
    const barrierAt = scalarsAt + scalarBytes;
    const { views, ...buffers } = placeBuffers(plan, memory, region);
    const { usesRelaxedMadd } = options;
    const environment = { ...buffers, scalarsAt, scalars: plan.scalars, usesRelaxedMadd };
    const code = printPlan(plan, environment, barrierAt);
    const { compile, instantiate } = engine()!;
    const module = await compile(encodeProgram(code, memory.limits));
    const imports = { [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.field]: memory.memory } };
    const { exports } = await instantiate(module, imports);
    const scalars = new View(memory.memory, "float64", scalarsAt, plan.scalars.length);
    const team = threads > 1 ? new ThreadTeam(threads, module, memory.memory, barrierAt) : undefined;
    await team?.gather();
    const pace = options.mayRunAlone ? new Pace() : undefined;
    const places = { environment, barrierAt };
    const release = (): void => memory.release(region);
    return new WasmProgram(code, places, exports[RUN], { team, pace }, views, scalars, release);
  } catch (error) {
    if (arena !== undefined) memory.release(arena);
    if (threads > 1) ThreadPool.get().endIfUnused();
    throw error;
  }
}

/** The address of every buffer, in the arena or among the states, and the host's view of it. */
function placeBuffers(plan: ProgramPlan, memory: ModelMemory, arena: Region) {
  const addresses = new Map<string, number>();
  const strides = new Map<string, number>();
  const views = new Map<string, View>();
  const specs = new Map(plan.buffers.map((b) => [b.name, b]));
  for (const { buffer, byteOffset, byteLength } of plan.placements) {
    const spec = specs.get(buffer)!;
    const { dtype, shape, private: isPrivate } = spec;
    addresses.set(buffer, arena.offset + byteOffset);
    if (isPrivate && plan.threads !== undefined) strides.set(buffer, byteLength / plan.threads);
    views.set(buffer, new View(memory.memory, dtype, arena.offset + byteOffset, sizeOf(shape)));
  }
  for (const { name, buffer } of plan.states) {
    const { offset, view } = memory.state(name);
    addresses.set(buffer, offset);
    views.set(buffer, view);
  }
  return { addresses, strides, views };
}

export class WasmProgram implements Executable {
  readonly backend = "wasm";
  readonly places: ProgramPlaces;
  private readonly code: ProgramCode;
  private readonly entry: EngineFunction;
  private readonly team: ThreadTeam | undefined;
  private readonly pace: Pace | undefined;
  private readonly views: Map<string, View>;
  private readonly scalars: View;
  private release: (() => void) | undefined;
  private printed: readonly KernelSource[] | undefined;

  constructor(
    code: ProgramCode,
    places: ProgramPlaces,
    entry: EngineFunction,
    { team, pace }: { readonly team: ThreadTeam | undefined; readonly pace: Pace | undefined },
    views: Map<string, View>,
    scalars: View,
    release: () => void,
  ) {
    this.code = code;
    this.places = places;
    this.entry = entry;
    this.team = team;
    this.pace = pace;
    this.views = views;
    this.scalars = scalars;
    this.release = release;
  }

  /** Printed when first read. */
  get sources(): readonly KernelSource[] {
    this.printed ??= sourcesOf(this.code);
    return this.printed;
  }

  write(buffer: string, data: TypedArray): void {
    this.views.get(buffer)!.array.set(data);
  }

  run(from: number, to: number, scalars: Float64Array): void | Promise<void> {
    this.scalars.array.set(scalars);
    const { team, pace } = this;
    const { starts, preparedTo } = this.code;
    const first = starts[from];
    const last = starts[to];
    if (team === undefined || !this.isDivided(first, last)) return this.runAlone(first, last);
    const run = (isTogether: boolean): void | Promise<void> =>
      isTogether ? this.runAll(team, first, last) : this.runAlone(first, last);
    return pace === undefined ? run(true) : pace.keep(isWhole(from, to, starts.length - 1, preparedTo), run);
  }

  move(move: Move, place: number): void {
    moveElements(this.views.get(move.from)!.array, this.views.get(move.to)!.array, move, place);
  }

  private runAll(team: ThreadTeam, first: number, last: number): void | Promise<void> {
    return team.isComplete ? this.runTogether(team, first, last) : this.gathered(team, first, last);
  }

  private runAlone(first: number, last: number): void {
    this.entry(0, 1, first, last, 0, DONE);
  }

  private async gathered(team: ThreadTeam, first: number, last: number): Promise<void> {
    await team.gather();
    await this.runTogether(team, first, last);
  }

  private isDivided(first: number, last: number): boolean {
    return this.code.threads.slice(first, last).some((count) => count > 1);
  }

  /** Returns at once if all threads are in time. */
  private runTogether(team: ThreadTeam, first: number, last: number): void | Promise<void> {
    const base = team.start(first, last);
    const resume = (at: number): number => this.entry(0, team.threads, first, last, base, at) as number;
    const at = resume(DONE);
    return at === DONE ? undefined : this.waitTogether(team, at, resume);
  }

  /** Checks that all threads are alive, and goes on waiting for them at the step where the run has paused. */
  private async waitTogether(
    team: ThreadTeam,
    paused: number,
    resume: (at: number) => number,
  ): Promise<void> {
    for (let at = paused; at !== DONE; at = resume(at)) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (team.failure !== undefined) throw new ThreadLostError(`a thread was lost: ${team.failure}`);
    }
  }

  read(buffer: string, into: TypedArray): void {
    into.set(this.views.get(buffer)!.array);
  }

  dispose(): void {
    if (this.release === undefined) return;
    this.team?.dispose();
    this.views.clear();
    this.release();
    this.release = undefined;
  }
}
