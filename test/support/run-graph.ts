/** Runs a graph through the whole pipeline on one backend, for tests that start from the IR. */

import type { Backend } from "../../backends/backend.ts";
import { PassManager } from "../../passes/manager.ts";
import { type PipelineOptions, runPipeline } from "../../passes/pipeline.ts";
import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import { readState, writeState } from "../../src/runtime/state/state-numbers.ts";

export type Values = Readonly<Record<string, TypedArray>>;

/** The plan of a graph for a backend's capabilities. */
export function planOf(
  graph: Graph,
  backend: Backend,
  options: Omit<PipelineOptions, "capabilities"> = {},
): ProgramPlan {
  return runPipeline(new PassManager(), graph, { capabilities: backend.capabilities, ...options });
}

/** Feeds inputs, states and scalars by name (those without a value are 0) and returns outputs by name, as float64 where they are float32. */
export async function runGraph(
  graph: Graph,
  backend: Backend,
  values: Values,
  options: Omit<PipelineOptions, "capabilities"> = {},
): Promise<Record<string, TypedArray>> {
  const plan = planOf(graph, backend, options);
  const states = backend.createStateMemory();
  states.allocate(plan.states);
  for (const state of plan.states)
    if (values[state.name]) await writeState(states, state, values[state.name]);
  const program = await backend.compile(plan, states);
  for (const { name, buffer } of plan.inputs) await program.write(buffer, values[name]);
  const scalars = Float64Array.from(plan.scalars, (name) => values[name]?.[0] ?? 0);
  await program.run(0, plan.kernels.length, scalars);
  const results: Record<string, TypedArray> = {};
  for (const { name, buffer, dtype, shape } of plan.outputs) {
    const into = dtype === "float32" ? new Float64Array(sizeOf(shape)) : allocate(dtype, sizeOf(shape));
    await program.read(buffer, into);
    results[name] = into;
  }
  for (const state of plan.states)
    if (state.dtype === "float32") results[`@${state.name}`] = await readState(states, state);
  program.dispose();
  return results;
}

/** Largest difference over the largest value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(expected[i]) !== Number.isNaN(actual[i])) return Number.POSITIVE_INFINITY;
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]));
    if (actual[i] === expected[i] || Number.isNaN(expected[i])) continue;
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
  }
  return difference === 0 ? 0 : difference / Math.max(largest, 1e-30);
}
