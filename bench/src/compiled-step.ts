/** Kiln's training step for one workload on one backend, opened up: its kernels run and are read one at a time. */

import type { Executable } from "../../backends/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { PassManager } from "../../passes/manager.ts";
import { runPipeline } from "../../passes/pipeline.ts";
import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { toLogical } from "../../src/core/layout.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { nn, optim } from "../../src/index.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { writeState } from "../../src/runtime/state/state-numbers.ts";
import { traceLoss } from "../../src/trace/trace.ts";
import { modelOf } from "./kiln-model.ts";
import { batches, LEARNING_RATE, type Workload } from "./workloads.ts";

/** A backend's name, and behind a `/` a strategy that is forced: `js`, `js/plain`, `gpujs:cpu`. */
export interface BackendChoice {
  readonly backend: string;
  readonly strategy?: string;
}

export function parseChoice(text: string): BackendChoice {
  const [backend, strategy] = text.split("/");
  return strategy === undefined ? { backend } : { backend, strategy };
}

export class CompiledStep {
  readonly plan: ProgramPlan;
  private readonly program: Executable;
  private readonly data: ReturnType<typeof batches>;
  private readonly scalars = Float64Array.of(LEARNING_RATE);

  private constructor(plan: ProgramPlan, program: Executable, data: ReturnType<typeof batches>) {
    this.plan = plan;
    this.program = program;
    this.data = data;
  }

  static async compile(workload: Workload, batch: number, choice: BackendChoice): Promise<CompiledStep> {
    const backend = backendNamed(choice.backend);
    const model = await modelOf(workload);
    const optimizer = new optim.SGD(model.parameters(), { lr: LEARNING_RATE });
    const input = { dtype: "float32", shape: [batch, ...workload.sample] } as const;
    const trace = traceLoss(model, new nn.CrossEntropyLoss(), [input]);
    const plan = runPipeline(new PassManager(), trace.graph, {
      capabilities: backend.capabilities,
      gradientsFor: trace.parameters,
      update: { groups: optimizer.paramGroups.map(({ rule }) => ({ rule })) },
      ...(choice.strategy !== undefined && { strategy: choice.strategy }),
    });
    const states = backend.createStateMemory();
    states.allocate(plan.states);
    for (const state of plan.states) {
      await writeState(states, state, await trace.states.get(state.name)!.data());
    }
    return new CompiledStep(plan, await backend.compile(plan, states), batches(workload, batch));
  }

  async feed(step: number): Promise<void> {
    const { input, target } = this.data[step % this.data.length];
    await this.program.write(this.plan.inputs[0].buffer, input);
    await this.program.write(this.plan.inputs[1].buffer, target);
  }

  /** Runs the kernel numbered `k`; gives the milliseconds it took. */
  async run(k: number): Promise<number> {
    const begin = performance.now();
    const done = this.program.run(k, k + 1, this.scalars);
    if (done !== undefined) await done;
    return performance.now() - begin;
  }

  /** The numbers in a buffer of the arena. */
  async read(buffer: string): Promise<TypedArray> {
    const { dtype, shape, layout } = this.plan.buffers.find(({ name }) => name === buffer)!;
    const numbers = allocate(dtype, sizeOf(shape));
    await this.program.read(buffer, numbers);
    return layout === undefined ? numbers : toLogical(numbers, dtype, shape, layout);
  }

  /** The values of the graph that a kernel stores into the arena, by the names that dumps give them. */
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
