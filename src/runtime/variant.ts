/** One compiled program for one set of shapes: the plan, its executable, and what a user may inspect. */

import type { Executable, StateMemory } from "../../backends/backend.ts";
import { byteSize, type TypedArray } from "../core/dtype.ts";
import { checkIndices, type IndexLimit } from "../core/index-limit.ts";
import type { Origin } from "../core/origin.ts";
import { sizeOf } from "../core/shape.ts";
import { countFlops } from "../loop/flops.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { Cell, ModelState } from "./model-state.ts";

export interface StageText {
  readonly name: string;
  readonly text: string;
}

export interface KernelInfo {
  readonly name: string;
  readonly origins: readonly Origin[];
  readonly source: string;
  /** Operations that one run executes (multiply-add = 2); lists of winners count as full. */
  readonly flops: number;
  /** Operations of the dense form, before a strategy skips anything. */
  readonly nominalFlops: number;
  /** Bytes of all buffers it reads and writes. */
  readonly bytes: number;
}

export interface MemoryInfo {
  /** The arena that all activations, gradients and scratch share. */
  readonly arenaBytes: number;
  /** Parameters, buffers and optimizer states of this program. */
  readonly parameterBytes: number;
  /** What the arena's buffers would take side by side. */
  readonly unsharedBytes: number;
}

/** What the driver makes of a traced graph. */
export interface Compiled {
  readonly plan: ProgramPlan;
  readonly executable: Executable;
  readonly memory: StateMemory;
  readonly cells: readonly Cell[];
  /** Prints all stages; done only when somebody reads them. */
  readonly stages: () => readonly StageText[];
  /** What integer inputs that are class numbers may hold. */
  readonly limits: ReadonlyMap<string, IndexLimit>;
  readonly milliseconds: number;
}

export class Variant {
  readonly plan: ProgramPlan;
  readonly limits: ReadonlyMap<string, IndexLimit>;
  readonly compileMilliseconds: number;
  readonly executable: Executable;
  private readonly state: ModelState;
  private readonly memory: StateMemory;
  private readonly cells: readonly Cell[];
  private readonly scalars: Float64Array;
  private readonly printStages: () => readonly StageText[];
  private printed: readonly StageText[] | undefined;

  constructor(compiled: Compiled, state: ModelState) {
    this.plan = compiled.plan;
    this.printStages = compiled.stages;
    this.limits = compiled.limits;
    this.compileMilliseconds = compiled.milliseconds;
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

  /** What runs it, a mode included. */
  get backend(): string {
    return this.executable.backend;
  }

  /** Copies the model's state to the host, where it lies on a device that may be lost. */
  mirror(): Promise<void> | undefined {
    return this.memory.mirror?.();
  }

  get stages(): readonly StageText[] {
    this.printed ??= this.printStages();
    return this.printed;
  }

  get kernels(): readonly KernelInfo[] {
    const sources = new Map(this.executable.sources.map(({ name, text }) => [name, text]));
    return this.plan.kernels.map((kernel) => ({
      name: kernel.name,
      origins: kernel.origins,
      source: sources.get(kernel.name) ?? "",
      flops: countFlops(kernel.body),
      nominalFlops: kernel.nominalFlops,
      bytes: kernel.buffers.reduce((sum, b) => sum + b.length * byteSize(b.dtype), 0),
    }));
  }

  get memoryInfo(): MemoryInfo {
    const { plan } = this;
    return {
      arenaBytes: plan.arenaBytes,
      parameterBytes: plan.states.reduce((sum, s) => sum + sizeOf(s.shape) * byteSize(s.dtype), 0),
      unsharedBytes: plan.placements.reduce((sum, p) => sum + p.byteLength, 0),
    };
  }
}

/** What a program needs to compile itself for shapes. */
export type CompileVariant = (shapes: readonly (readonly number[])[]) => Promise<Variant>;
