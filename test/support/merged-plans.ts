/** Many programs as one, for backends that call a compiler: building them together takes a fraction of the time. */

import type { Backend, Executable, StateMemory } from "../../backends/backend.ts";
import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { renamed } from "../../src/loop/alike.ts";
import type { Move } from "../../src/loop/loops.ts";
import { align, type ProgramPlan } from "../../src/loop/plan.ts";
import type { Binding } from "../../src/loop/program.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import { mapExpressions, rewriter } from "../../src/loop/walk.ts";
import { readState, writeState } from "../../src/runtime/state/state-numbers.ts";
import type { Values } from "./run-graph.ts";

/** The prefix of all names of the program with this number in the merged one. */
const prefixed = (k: number, name: string): string => `p${k}_${name}`;

function merge(plans: readonly ProgramPlan[]): ProgramPlan {
  let arenaBytes = 0;
  let kernelCount = 0;
  const parts = plans.map((plan, k) => {
    const own = (name: string): string => prefixed(k, name);
    const binding = (b: Binding): Binding => ({ ...b, name: own(b.name), buffer: own(b.buffer) });
    const move = (m: Move): Move => ({ ...m, from: own(m.from), to: own(m.to) });
    const [kernelsBefore, bytesBefore] = [kernelCount, arenaBytes];
    kernelCount += plan.kernels.length;
    arenaBytes += align(plan.arenaBytes);
    return {
      kernels: plan.kernels.map((kernel) => withPrefix(kernel, own)),
      loops: (plan.loops ?? []).map((loop) => ({
        ...loop,
        from: loop.from + kernelsBefore,
        to: loop.to + kernelsBefore,
        initial: loop.initial.map(move),
        before: loop.before.map(move),
        after: loop.after.map(move),
      })),
      buffers: plan.buffers.map((b) => ({ ...b, name: own(b.name) })),
      placements: plan.placements.map((p) => ({
        ...p,
        buffer: own(p.buffer),
        byteOffset: p.byteOffset + bytesBefore,
      })),
      inputs: plan.inputs.map(binding),
      outputs: plan.outputs.map(binding),
      states: plan.states.map(binding),
      scalars: plan.scalars.map(own),
    };
  });
  const threads = Math.max(...plans.map((plan) => plan.threads ?? 1));
  return {
    name: "merged",
    kernels: parts.flatMap((part) => part.kernels),
    loops: parts.flatMap((part) => part.loops),
    buffers: parts.flatMap((part) => part.buffers),
    placements: parts.flatMap((part) => part.placements),
    inputs: parts.flatMap((part) => part.inputs),
    outputs: parts.flatMap((part) => part.outputs),
    states: parts.flatMap((part) => part.states),
    scalars: parts.flatMap((part) => part.scalars),
    ...(threads > 1 && { threads }),
    commitFrom: kernelCount,
    arenaBytes,
  };
}

function withPrefix(kernel: Kernel, own: (name: string) => string): Kernel {
  const names = new Map(kernel.buffers.map(({ name }) => [name, own(name)]));
  const scalars = rewriter((e): Expr => (e.kind === "scalar" ? { ...e, name: own(e.name) } : e));
  return {
    ...kernel,
    name: own(kernel.name),
    buffers: kernel.buffers.map((b) => ({ ...b, name: own(b.name) })),
    scalars: kernel.scalars.map(own),
    body: mapExpressions(renamed(kernel.body, names), scalars),
  };
}

/** A program of `plans` that has been built, and runs each of them by its number. */
export interface Merged {
  /** Feeds `values` by name and returns outputs and states, as `runGraph` does. */
  run(k: number, values: Values): Promise<Record<string, TypedArray>>;
  dispose(): void;
}

export async function buildMerged(plans: readonly ProgramPlan[], backend: Backend): Promise<Merged> {
  const merged = merge(plans);
  const states = backend.createStateMemory();
  states.allocate(merged.states);
  const program = await backend.compile(merged, states);
  return {
    run: (k, values) => runOne(plans, k, merged, program, states, values),
    dispose: () => program.dispose(),
  };
}

async function runOne(
  plans: readonly ProgramPlan[],
  k: number,
  merged: ProgramPlan,
  program: Executable,
  states: StateMemory,
  values: Values,
): Promise<Record<string, TypedArray>> {
  const plan = plans[k];
  const own = (name: string): string => prefixed(k, name);
  for (const state of plan.states)
    if (values[state.name]) await writeState(states, { ...state, name: own(state.name) }, values[state.name]);
  for (const { name, buffer } of plan.inputs) await program.write(own(buffer), values[name]);
  const scalars = new Float64Array(merged.scalars.length);
  for (const name of plan.scalars) scalars[merged.scalars.indexOf(own(name))] = values[name]?.[0] ?? 0;
  const first = plans.slice(0, k).reduce((sum, { kernels }) => sum + kernels.length, 0);
  await program.run(first, first + plan.kernels.length, scalars);
  const results: Record<string, TypedArray> = {};
  for (const { name, buffer, dtype, shape } of plan.outputs) {
    const into = dtype === "float32" ? new Float64Array(sizeOf(shape)) : allocate(dtype, sizeOf(shape));
    await program.read(own(buffer), into);
    results[name] = into;
  }
  for (const state of plan.states)
    if (state.dtype === "float32")
      results[`@${state.name}`] = await readState(states, { ...state, name: own(state.name) });
  return results;
}
