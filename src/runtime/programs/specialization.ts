/** One compiled program for one set of shapes: the plan, its executable, and what a user may inspect. */

import type { Executable, StateMemory } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import {
  checkIndices,
  type IndexLimit,
  isIndexFault,
  isOutOfLimit,
  outOfLimit,
} from "../../core/index-limit.ts";
import { isGraph, type StageDump } from "../../ir/artifact.ts";
import { printGraph } from "../../ir/print.ts";
import type { Graph } from "../../ir/types.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { TunedKernel } from "../../loop/tuning-task.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Trace } from "../../trace/trace.ts";
import { programLabel } from "../inspection/compile-log.ts";
import {
  type Compilation,
  type KernelInfo,
  kernelInfos,
  type MemoryInfo,
  memoryInfo,
} from "../inspection/figures.ts";
import { KernelTimes } from "../inspection/kernel-times.ts";
import type { Found } from "../inspection/nan-report.ts";
import { NanWatch, type Watch } from "../inspection/nan-watch.ts";
import { currentRunLog } from "../inspection/run-log.ts";
import type { Cell, ModelState } from "../state/model-state.ts";
import { StateSnapshot } from "../state/state-snapshot.ts";
import { writesOf } from "../state/stored-values.ts";

export interface StageText {
  readonly name: string;
  readonly text: string;
}

/** What the driver makes of a traced graph. */
export interface Compiled {
  readonly plan: ProgramPlan;
  readonly executable: Executable;
  readonly memory: StateMemory;
  readonly cells: readonly Cell[];
  /** Prints all stages; done only when somebody reads them. */
  readonly stages: () => readonly StageDump[];
  /** What integer inputs that are indices may hold. */
  readonly limits: ReadonlyMap<string, readonly IndexLimit[]>;
  /** What the program's outputs for indices that it computes are about, in order. */
  readonly computedLimits: readonly IndexLimit[];
  readonly milliseconds: number;
  /** How a tuner decided about kernels; empty when none was asked. */
  readonly tuned: readonly TunedKernel[];
  /** What it does, in words: `training step`. */
  readonly what: string;
  /** What it was compiled from. */
  readonly trace: Trace;
  readonly watch?: Watch | undefined;
}

/** Says which run of a program it is; called only when something is to be told of it. */
export type During = () => string;

const A_RUN: During = () => "a run";

export class Specialization {
  readonly plan: ProgramPlan;
  readonly limits: ReadonlyMap<string, readonly IndexLimit[]>;
  readonly computedLimits: readonly IndexLimit[];
  /** The outputs that the model or the step has: all but those for indices. */
  readonly results: ProgramPlan["outputs"];
  readonly compileMilliseconds: number;
  readonly tuned: readonly TunedKernel[];
  readonly executable: Executable;
  /** What its kernels take, where they are run one by one to be timed. */
  readonly kernelTimes: KernelTimes | undefined;
  private readonly faults: ProgramPlan["outputs"];
  private readonly fault = new Float32Array(1);
  private readonly what: string;
  private readonly trace: Trace;
  private readonly watch: NanWatch | undefined;
  /** What `feed` was last given, for a watch to run it again. */
  private fed: readonly TypedArray[] = [];
  private readonly state: ModelState;
  private readonly memory: StateMemory;
  private readonly cells: readonly Cell[];
  /** Those of the parameters that a run does an optimizer's step to. */
  private readonly stepped: ReadonlySet<Cell>;
  private readonly scalars: Float64Array;
  private readonly printStages: () => readonly StageDump[];
  private printed: readonly StageDump[] | undefined;

  constructor(compiled: Compiled, state: ModelState) {
    this.plan = compiled.plan;
    this.printStages = compiled.stages;
    this.limits = compiled.limits;
    this.computedLimits = compiled.computedLimits;
    this.results = compiled.plan.outputs.filter((output) => !isIndexFault(output));
    this.faults = compiled.plan.outputs.filter(isIndexFault);
    this.compileMilliseconds = compiled.milliseconds;
    this.tuned = compiled.tuned;
    this.what = compiled.what;
    this.trace = compiled.trace;
    this.kernelTimes = currentRunLog()?.timesKernels
      ? new KernelTimes(compiled.plan, compiled.executable)
      : undefined;
    this.executable = this.kernelTimes ?? compiled.executable;
    const graph = (): Graph | undefined => this.dumps.map(({ artifact }) => artifact).findLast(isGraph);
    this.watch = compiled.watch && new NanWatch(compiled.plan, this.executable, graph);
    this.memory = compiled.memory;
    this.cells = compiled.cells;
    this.stepped = steppedCells(compiled);
    this.state = state;
    this.scalars = new Float64Array(compiled.plan.scalars.length);
  }

  /** Feeds the inputs, in the plan's order, and makes the model's state current here. */
  async feed(inputs: readonly TypedArray[]): Promise<void> {
    for (const [k, { name, shape }] of this.plan.inputs.entries()) {
      for (const limit of this.limits.get(name) ?? []) checkIndices(inputs[k], shape, limit);
    }
    if (this.watch !== undefined) this.fed = inputs;
    await this.state.refresh(this.memory, this.cells);
    for (let k = 0; k < inputs.length; k++)
      await this.executable.write(this.plan.inputs[k].buffer, inputs[k]);
  }

  /** The tensor behind each state, under its name in the plan. */
  get states(): ReadonlyMap<string, Tensor> {
    return new Map(this.plan.states.map(({ name }, k) => [name, this.cells[k].tensor]));
  }

  /** What of the model is no longer as it was traced, in words. */
  outdated(): string | undefined {
    for (const fields of this.trace.assumes ?? []) {
      const changed = fields.changed();
      if (changed !== undefined) return changed;
    }
    return undefined;
  }

  /** The first tensor or layer of the model, or its loss, that was replaced. */
  replaced(): string | undefined {
    return this.trace.assumes?.map((fields) => fields.replaced()).find((path) => path !== undefined);
  }

  /** Whether this is also what `trace` gives. Then nothing that has changed had to do with it, and is looked at no more. */
  isOf({ graph, states, written }: Trace): boolean {
    const own = this.trace;
    const isSameState = (name: string, tensor: Tensor): boolean => {
      const known = own.states.get(name);
      return (
        known === tensor || (written?.has(name) === true && String(known?.peek()) === String(tensor.peek()))
      );
    };
    const isSame =
      printGraph(graph) === printGraph(own.graph) &&
      [...states].every(([name, tensor]) => isSameState(name, tensor));
    if (isSame) for (const fields of own.assumes ?? []) fields.ignoreChanged();
    return isSame;
  }

  /** Whether a run changes the model's state, which `commit` then does. */
  get changesState(): boolean {
    return this.plan.commitFrom < this.plan.kernels.length;
  }

  /** Runs everything that leaves the model's state untouched. */
  compute(scalars: Readonly<Record<string, number>>, during: During = A_RUN): void | Promise<void> {
    this.plan.scalars.forEach((name, k) => {
      this.scalars[k] = scalars[name];
    });
    const { watch, plan } = this;
    if (watch !== undefined) return this.computeWatched(watch, during);
    const done = this.executable.run(0, plan.commitFrom, this.scalars);
    return this.faults.length === 0 ? done : this.checkComputed(done);
  }

  /** Throws where the run that `done` waits for has met an index that names nothing. */
  private async checkComputed(done?: void | Promise<void>): Promise<void> {
    await done;
    for (const [k, { buffer }] of this.faults.entries()) {
      await this.executable.read(buffer, this.fault);
      if (isOutOfLimit(this.fault[0])) throw outOfLimit(this.fault[0], this.computedLimits[k]);
    }
  }

  /** Runs the kernels that write the model's state. */
  async commit(during: During = A_RUN): Promise<void> {
    const { watch, plan } = this;
    await this.state.preserve(this.cells, this.stepped);
    if (watch !== undefined) await this.commitWatched(watch, during);
    else await this.executable.run(plan.commitFrom, plan.kernels.length, this.scalars);
    this.state.changed(this.memory, this.cells);
  }

  private async computeWatched(watch: NanWatch, during: During): Promise<void> {
    const found = await watch.run(0, this.plan.commitFrom, this.scalars);
    if (found !== undefined) await this.fail(watch, found, during);
    if (this.faults.length > 0) await this.checkComputed();
  }

  /** Leaves the model's state as it was when a NaN is stored in it or on the way to it. */
  private async commitWatched(watch: NanWatch, during: During): Promise<void> {
    const { commitFrom, kernels } = this.plan;
    const before = await this.snapshot();
    try {
      const found = await watch.run(commitFrom, kernels.length, this.scalars);
      if (found === undefined) return;
      await before.restore();
      await this.fail(watch, found, during);
    } catch (error) {
      await before.restore();
      throw error;
    }
  }

  private async fail(watch: NanWatch, found: Found, during: During): Promise<never> {
    await this.feed(this.fed);
    throw await watch.explain(found, during(), this.scalars);
  }

  /** A copy of the states that a run changes. */
  snapshot(): Promise<StateSnapshot> {
    return StateSnapshot.of(this.plan, this.memory);
  }

  /** Runs everything, one kernel after the other; the milliseconds of each. */
  async runByKernel(scalars: Readonly<Record<string, number>>): Promise<readonly number[]> {
    if (this.changesState) await this.state.preserve(this.cells, this.stepped);
    const times = await this.rehearseByKernel(scalars);
    if (this.changesState) this.state.changed(this.memory, this.cells);
    return times;
  }

  /** Runs everything, for a caller who then puts back what it changes of the model's state. */
  rehearse(scalars: Readonly<Record<string, number>>): void | Promise<void> {
    return this.executable.run(0, this.plan.kernels.length, this.valuesOf(scalars));
  }

  /** The same, one kernel after the other; the milliseconds of each. */
  async rehearseByKernel(scalars: Readonly<Record<string, number>>): Promise<readonly number[]> {
    const values = this.valuesOf(scalars);
    const times: number[] = [];
    for (let k = 0; k < this.plan.kernels.length; k++) {
      const begin = performance.now();
      const done = this.executable.run(k, k + 1, values);
      if (done !== undefined) await done;
      times.push(performance.now() - begin);
    }
    return times;
  }

  private valuesOf(scalars: Readonly<Record<string, number>>): Float64Array {
    return Float64Array.from(this.plan.scalars, (name) => scalars[name]);
  }

  /** Its model, what it does and its inputs, in words. */
  get label(): string {
    return programLabel(this.plan, this.what);
  }

  /** What runs it, a mode included. */
  get backend(): string {
    return this.executable.backend;
  }

  /** Copies the model's state to the host, where it lies on a device that may be lost. */
  mirror(): Promise<void> | undefined {
    return this.memory.mirror?.();
  }

  get stages(): readonly StageText[] {
    return this.dumps.map(({ name, text }) => ({ name, text }));
  }

  get kernels(): readonly KernelInfo[] {
    return kernelInfos(this.plan, this.executable.sources);
  }

  get memoryInfo(): MemoryInfo {
    return memoryInfo(this.plan);
  }

  /** All of it together, with what every stage made. */
  get compilation(): Compilation {
    const { backend, dumps: stages, plan, kernels, memoryInfo: memory } = this;
    return { backend, stages, plan, kernels, memory };
  }

  private get dumps(): readonly StageDump[] {
    this.printed ??= this.printStages();
    return this.printed;
  }
}

function steppedCells({ plan, cells, trace }: Compiled): ReadonlySet<Cell> {
  const learned = new Set(trace.parameters);
  const written = new Set(plan.kernels.flatMap(writesOf));
  return new Set(
    cells.filter((_, k) => learned.has(plan.states[k].name) && written.has(plan.states[k].buffer)),
  );
}

/** What a program needs to compile itself for shapes; `why` it must, where it has been compiled before. */
export type CompileSpecialization = (
  shapes: readonly (readonly number[])[],
  why?: string | undefined,
  /** The one for these shapes that may no longer be right; it is given back where it still is. */
  previous?: Specialization,
) => Promise<Specialization>;
