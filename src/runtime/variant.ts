/** One compiled program for one set of shapes: the plan, its executable, and what a user may inspect. */

import type { Executable, StateMemory } from "../../backends/backend.ts";
import type { TypedArray } from "../core/dtype.ts";
import { checkIndices, type IndexLimit } from "../core/index-limit.ts";
import type { StageDump } from "../ir/artifact.ts";
import type { TunedKernel } from "../loop/contest.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Compilation, type KernelInfo, kernelInfos, type MemoryInfo, memoryInfo } from "./figures.ts";
import type { Cell, ModelState } from "./model-state.ts";

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
  /** What integer inputs that are class numbers may hold. */
  readonly limits: ReadonlyMap<string, IndexLimit>;
  readonly milliseconds: number;
  /** How a tuner decided about kernels; empty when none was asked. */
  readonly tuned: readonly TunedKernel[];
}

export class Variant {
  readonly plan: ProgramPlan;
  readonly limits: ReadonlyMap<string, IndexLimit>;
  readonly compileMilliseconds: number;
  readonly tuned: readonly TunedKernel[];
  readonly executable: Executable;
  private readonly state: ModelState;
  private readonly memory: StateMemory;
  private readonly cells: readonly Cell[];
  private readonly scalars: Float64Array;
  private readonly printStages: () => readonly StageDump[];
  private printed: readonly StageDump[] | undefined;

  constructor(compiled: Compiled, state: ModelState) {
    this.plan = compiled.plan;
    this.printStages = compiled.stages;
    this.limits = compiled.limits;
    this.compileMilliseconds = compiled.milliseconds;
    this.tuned = compiled.tuned;
    this.executable = compiled.executable;
    this.memory = compiled.memory;
    this.cells = compiled.cells;
    this.state = state;
    this.scalars = new Float64Array(compiled.plan.scalars.length);
  }

  /** Feeds the inputs, in the plan's order, and makes the model's state current here. */
  async feed(inputs: readonly TypedArray[]): Promise<void> {
    for (const [k, { name, shape }] of this.plan.inputs.entries()) {
      const limit = this.limits.get(name);
      if (limit !== undefined) checkIndices(inputs[k], shape, limit);
    }
    await this.state.refresh(this.memory, this.cells);
    for (let k = 0; k < inputs.length; k++)
      await this.executable.write(this.plan.inputs[k].buffer, inputs[k]);
  }

  /** The tensor behind each state, under its name in the plan. */
  get states(): ReadonlyMap<string, Tensor> {
    return new Map(this.plan.states.map(({ name }, k) => [name, this.cells[k].tensor]));
  }

  /** Whether a run changes the model's state, which `commit` then does. */
  get changesState(): boolean {
    return this.plan.commitFrom < this.plan.kernels.length;
  }

  /** Runs everything that leaves the model's state untouched. */
  compute(scalars: Readonly<Record<string, number>>): void | Promise<void> {
    this.plan.scalars.forEach((name, k) => {
      this.scalars[k] = scalars[name];
    });
    return this.executable.run(0, this.plan.commitFrom, this.scalars);
  }

  /** Runs the kernels that write the model's state. */
  async commit(): Promise<void> {
    await this.state.preserve(this.cells);
    await this.executable.run(this.plan.commitFrom, this.plan.kernels.length, this.scalars);
    this.state.changed(this.memory, this.cells);
  }

  /** Runs everything, one kernel after the other; the milliseconds of each. */
  async runByKernel(scalars: Readonly<Record<string, number>>): Promise<readonly number[]> {
    if (this.changesState) await this.state.preserve(this.cells);
    const values = Float64Array.from(this.plan.scalars, (name) => scalars[name]);
    const times: number[] = [];
    for (let k = 0; k < this.plan.kernels.length; k++) {
      const begin = performance.now();
      const done = this.executable.run(k, k + 1, values);
      if (done !== undefined) await done;
      times.push(performance.now() - begin);
    }
    if (this.changesState) this.state.changed(this.memory, this.cells);
    return times;
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

/** What a program needs to compile itself for shapes. */
export type CompileVariant = (shapes: readonly (readonly number[])[]) => Promise<Variant>;
