/** One compiled program for one set of shapes: the plan, its executable, and what a user may inspect. */

import type { Executable } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { DamagedStateError, ThreadLostError } from "../../core/errors.ts";
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
import { inPlaces, type Outputs } from "../../tensor/tensor-tree.ts";
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
import { NanFound } from "../inspection/nan-report.ts";
import { NanWatch, type Watch } from "../inspection/nan-watch.ts";
import { currentRunLog } from "../inspection/run-log.ts";
import type { BoundStates, Restore } from "../state/bound-states.ts";
import type { Run } from "./run.ts";

/** What is left of a model when a thread was lost in the middle of its update, and what to do. */
const HALF_WRITTEN =
  "some of the model's parameters, buffers and optimizer states are new and others old, so that none of them can be used; " +
  "load a checkpoint, or give the model and its optimizer other states by loadStateDict, and continue from there";

/** One stage of a compilation as text, as `kiln dump` prints it. */
export interface StageText {
  /** The name of the pass, or `trace` or `source`. */
  readonly name: string;
  /** What it made. */
  readonly text: string;
}

/** What the driver makes of a traced graph. */
export interface Compiled {
  readonly plan: ProgramPlan;
  readonly executable: Executable;
  readonly states: BoundStates;
  /** Prints all stages, on demand. */
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

export class Specialization {
  readonly plan: ProgramPlan;
  readonly limits: ReadonlyMap<string, readonly IndexLimit[]>;
  readonly computedLimits: readonly IndexLimit[];
  /** The outputs that the model or the step has: all but those for indices. */
  readonly results: ProgramPlan["outputs"];
  readonly compileMilliseconds: number;
  readonly tuned: readonly TunedKernel[];
  /** The loaded executable; if a log shows the times of kernels, with these measured. */
  readonly executable: Executable;
  private readonly kernelTimes: KernelTimes | undefined;
  /** The executable for normal runs: watched, if it was compiled so. */
  private readonly usual: Executable;
  /** Those of `limits` for each input. */
  private readonly inputLimits: readonly (readonly IndexLimit[])[];
  private readonly faults: ProgramPlan["outputs"];
  private readonly fault = new Float32Array(1);
  private readonly what: string;
  private readonly trace: Trace;
  private readonly bound: BoundStates;
  private readonly scalars: Float64Array;
  private readonly printStages: () => readonly StageDump[];
  private printed: readonly StageDump[] | undefined;

  constructor(compiled: Compiled) {
    const { plan } = compiled;
    this.plan = plan;
    this.printStages = compiled.stages;
    this.limits = compiled.limits;
    this.inputLimits = plan.inputs.map(({ name }) => compiled.limits.get(name) ?? []);
    this.computedLimits = compiled.computedLimits;
    this.results = plan.outputs.filter((output) => !isIndexFault(output));
    this.faults = plan.outputs.filter(isIndexFault);
    this.compileMilliseconds = compiled.milliseconds;
    this.tuned = compiled.tuned;
    this.what = compiled.what;
    this.trace = compiled.trace;
    this.bound = compiled.states;
    this.scalars = new Float64Array(plan.scalars.length);
    this.kernelTimes = currentRunLog()?.timesKernels ? new KernelTimes(plan, compiled.executable) : undefined;
    this.executable = this.kernelTimes ?? compiled.executable;
    this.usual = compiled.watch === undefined ? this.executable : this.watched();
  }

  /** Watched for NaN; see {@link NanWatch}. */
  private watched(): NanWatch {
    const graph = (): Graph | undefined => this.dumps.map(({ artifact }) => artifact).findLast(isGraph);
    return new NanWatch(this.plan, this.executable, () => this.bound.snapshot(), graph);
  }

  /** The tensor behind each state, under its name in the plan. */
  get states(): ReadonlyMap<string, Tensor> {
    return this.bound.tensors;
  }

  /** The graph that the model was traced as, before any pass, and the tensors behind its states. */
  get traced(): Pick<Trace, "graph" | "states"> {
    return this.trace;
  }

  /** The structure of a run's result: lists and records with the indices of results. */
  get returned(): unknown {
    return this.trace.returned;
  }

  /** The names of the losses of a training step. */
  get losses(): readonly string[] {
    return this.trace.losses ?? [];
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
  isOf({ graph, states, written, returned }: Trace): boolean {
    const own = this.trace;
    const isSameState = (name: string, tensor: Tensor): boolean => {
      const known = own.states.get(name);
      return (
        known === tensor || (written?.has(name) === true && String(known?.peek()) === String(tensor.peek()))
      );
    };
    const isSame =
      printGraph(graph) === printGraph(own.graph) &&
      JSON.stringify(returned) === JSON.stringify(own.returned) &&
      [...states].every(([name, tensor]) => isSameState(name, tensor));
    if (isSame) for (const fields of own.assumes ?? []) fields.ignoreChanged();
    return isSame;
  }

  /**
   * Runs it: on `inputs` in the plan's order, with values for its scalars by name. Whoever wants to see more than `run`
   * tells puts an `instrument` around `executable`; without one runs are watched and logged as their user has asked for.
   */
  run<T>(
    run: Run<T>,
    inputs: readonly TypedArray[],
    scalars: Readonly<Record<string, number>>,
    instrument?: Executable,
  ): Promise<T> {
    if (instrument !== undefined) return this.runOn(instrument, run, inputs, scalars);
    const log = currentRunLog();
    if (log === undefined) return this.runOn(this.usual, run, inputs, scalars);
    const { kernelTimes } = this;
    const { label, found } = run.logged ?? { label: this.label };
    return log.timed({ label, found, kernelTimes }, () => this.runOn(this.usual, run, inputs, scalars));
  }

  /** Runs it kernel by kernel; the milliseconds of each. */
  async runByKernel(
    run: Run<unknown>,
    inputs: readonly TypedArray[],
    scalars: Readonly<Record<string, number>>,
  ): Promise<readonly number[]> {
    const times = new KernelTimes(this.plan, this.executable);
    await this.run(run, inputs, scalars, times);
    return [...times.take().values()];
  }

  /** One run from its inputs to the new state. Code before every step waits, and allocates, only if it must. */
  private async runOn<T>(
    executable: Executable,
    run: Run<T>,
    inputs: readonly TypedArray[],
    scalars: Readonly<Record<string, number>>,
  ): Promise<T> {
    const { plan, bound } = this;
    const { preparedTo = 0 } = plan;
    const { preparation } = bound;
    try {
      this.checkIndices(inputs);
      const refreshed = bound.refresh();
      if (refreshed !== undefined) await refreshed;
      for (let k = 0; k < inputs.length; k++) {
        const written = executable.write(plan.inputs[k].buffer, inputs[k]);
        if (written !== undefined) await written;
      }
      for (let k = 0; k < this.scalars.length; k++) this.scalars[k] = scalars[plan.scalars[k]];
      // Whoever looks at kernels sees all of them, and may stop among those that prepare.
      const isPlain = executable === this.executable;
      const isPrepared = isPlain && preparation.isCurrent;
      if (!isPrepared) preparation.begin();
      const computed = executable.run(isPrepared ? preparedTo : 0, plan.commitFrom, this.scalars);
      if (computed !== undefined) await computed;
      if (isPlain) preparation.done();
      if (this.faults.length > 0) await this.checkComputed();
      const taken = await run.take(this, inputs, scalars);
      if (run.changes !== "omitted" && plan.commitFrom < plan.kernels.length) {
        await this.commit(executable, run.changes === "kept");
      }
      return taken;
    } catch (error) {
      throw error instanceof NanFound ? error.in(run.label()) : error;
    }
  }

  /** Throws where an input names something that is not there. */
  private checkIndices(inputs: readonly TypedArray[]): void {
    for (let k = 0; k < inputs.length; k++) {
      for (const limit of this.inputLimits[k]) checkIndices(inputs[k], this.plan.inputs[k].shape, limit);
    }
  }

  /** Throws if the program has computed an invalid index. */
  private async checkComputed(): Promise<void> {
    for (const [k, { buffer }] of this.faults.entries()) {
      await this.executable.read(buffer, this.fault);
      if (isOutOfLimit(this.fault[0])) throw outOfLimit(this.fault[0], this.computedLimits[k]);
    }
  }

  /** Runs the kernels that write the model's state. */
  private async commit(executable: Executable, isKept: boolean): Promise<void> {
    const { plan, bound } = this;
    const preserved = isKept ? bound.preserve() : undefined;
    if (preserved !== undefined) await preserved;
    bound.changing();
    try {
      const done = executable.run(plan.commitFrom, plan.kernels.length, this.scalars);
      if (done !== undefined) await done;
    } catch (error) {
      if (!isKept || !(error instanceof ThreadLostError)) throw error;
      const why = `${error.message} while the changes of ${this.label} were written: ${HALF_WRITTEN}`;
      bound.damaged(why);
      throw new DamagedStateError(why);
    }
    if (isKept) bound.changed();
  }

  /** Copies the states that runs change; see {@link Run.changes}. */
  async snapshot(): Promise<Restore> {
    await this.bound.refresh();
    return this.bound.snapshot();
  }

  /** The results of a forward pass in the lists and records that `forward` returns; a list of one is that one. */
  arranged(results: readonly Tensor[]): Outputs {
    const { returned } = this.trace;
    if (Array.isArray(returned) && returned.length === 1 && results.length === 1 && returned[0] === 0)
      return results[0];
    return inPlaces(returned, results);
  }

  /** The same, whatever was returned, as it was returned. */
  placed(results: readonly Tensor[]): unknown {
    return inPlaces(this.trace.returned, results);
  }

  /** Its model, what it does and its inputs, in words. */
  get label(): string {
    return programLabel(this.plan, this.what);
  }

  /** What runs it, a mode included. */
  get backend(): string {
    return this.executable.backend;
  }

  /** Copies the model's state to the host, if it is on a device that may be lost. */
  mirror(): Promise<void> | undefined {
    return this.bound.mirror();
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

/** What a program needs to compile itself for shapes; `why`, if it has been compiled before. */
export type CompileSpecialization = (
  shapes: readonly (readonly number[])[],
  why?: string | undefined,
  /** The one for these shapes that may be out of date; it is returned if it is still valid. */
  previous?: Specialization,
) => Promise<Specialization>;
