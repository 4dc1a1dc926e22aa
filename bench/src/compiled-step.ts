/** Kiln's training step for one workload on one backend, opened up: its kernels run and are read one at a time. */

import type { Executable } from "../../backends/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { PassManager } from "../../passes/manager.ts";
import { type PipelineOptions, runPipeline } from "../../passes/pipeline.ts";
import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { toLogical } from "../../src/core/layout.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { type Observer, runOneByOne } from "../../src/runtime/inspection/one-by-one.ts";
import { type Cohort, cohortScalars } from "../../src/runtime/programs/cohorts.ts";
import { planUpdate } from "../../src/runtime/programs/training-plan.ts";
import { writeState } from "../../src/runtime/state/state-numbers.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { inMode } from "../../src/trace/mode.ts";
import { type Trace, traceLoss } from "../../src/trace/trace.ts";
import { type Subject, subjectNamed } from "./subject.ts";

/** A backend's name, optionally with a forced strategy after a `/`: `js`, `js/plain`, `gpujs:cpu`. */
export interface BackendChoice {
  readonly backend: string;
  readonly strategy?: string;
}

export function parseChoice(text: string): BackendChoice {
  const [backend, strategy] = text.split("/");
  return strategy === undefined ? { backend } : { backend, strategy };
}

/** A training step as input of the pipeline. */
export interface TracedStep {
  readonly trace: Trace;
  readonly options: Pick<PipelineOptions, "gradientsFor" | "update">;
  readonly cohorts: readonly Cohort[];
  /** The tensors of all states, including the optimizer's. */
  readonly states: ReadonlyMap<string, Tensor>;
}

export function tracedStep({ model, loss, optimizer, data: [batch] }: Subject): TracedStep {
  const [input, target] = batch.map(({ shape, dtype }) => ({ shape, dtype }));
  const trace = inMode(model, true, () => traceLoss(model, loss, [input], [target]));
  const { update, cohorts, states } = planUpdate(optimizer, trace, trace.parameters, {});
  return {
    trace,
    options: { gradientsFor: trace.parameters, update },
    cohorts,
    states: new Map([...trace.states, ...states]),
  };
}

export class CompiledStep {
  readonly plan: ProgramPlan;
  private readonly program: Executable;
  private readonly data: readonly (readonly TypedArray[])[];
  private readonly scalars: Float64Array;

  private constructor(
    plan: ProgramPlan,
    program: Executable,
    data: readonly (readonly TypedArray[])[],
    scalars: Float64Array,
  ) {
    this.plan = plan;
    this.program = program;
    this.data = data;
    this.scalars = scalars;
  }

  static async compile(workload: string, batch: number, choice: BackendChoice): Promise<CompiledStep> {
    const backend = await backendNamed(choice.backend);
    const subject = await subjectNamed(workload, batch);
    const { trace, options, cohorts, states } = tracedStep(subject);
    const plan = runPipeline(new PassManager(), trace.graph, {
      capabilities: backend.capabilities,
      ...options,
      ...(choice.strategy !== undefined && { strategy: choice.strategy }),
    });
    const memory = backend.createStateMemory();
    memory.allocate(plan.states);
    for (const state of plan.states) await writeState(memory, state, await states.get(state.name)!.data());
    const scalars = cohortScalars(subject.optimizer, cohorts, { seed: 0, step: 0 });
    return new CompiledStep(
      plan,
      await backend.compile(plan, memory),
      await Promise.all(subject.data.map((tensors) => Promise.all(tensors.map((tensor) => tensor.data())))),
      Float64Array.from(plan.scalars, (name) => scalars[name]),
    );
  }

  async feed(step: number): Promise<void> {
    const batch = this.data[step % this.data.length];
    for (const [k, { buffer }] of this.plan.inputs.entries()) await this.program.write(buffer, batch[k]);
  }

  /** Runs a whole step kernel by kernel, including all iterations of loops. */
  run(observer: Observer): Promise<void> {
    return runOneByOne(this.plan, this.program, [0, this.plan.kernels.length], this.scalars, observer);
  }

  /** The numbers in a buffer of the arena. */
  async read(buffer: string): Promise<TypedArray> {
    const { dtype, shape, layout } = this.plan.buffers.find(({ name }) => name === buffer)!;
    const numbers = allocate(dtype, sizeOf(shape));
    await this.program.read(buffer, numbers);
    return layout === undefined ? numbers : toLogical(numbers, dtype, shape, layout);
  }

  /** The values of the graph that a kernel stores into the arena, by the names in dumps. */
  storedBy(kernel: Kernel): { readonly value: string; readonly buffer: string }[] {
    return kernel.buffers.flatMap(({ name, access }) => {
      const buffer = this.plan.buffers.find((b) => b.name === name);
      const isStored = (access === "write" || access === "readwrite") && buffer?.role !== "state";
      return isStored && buffer?.value?.startsWith("%") ? [{ value: buffer.value, buffer: name }] : [];
    });
  }

  dispose(): void {
    this.program.dispose();
  }
}
