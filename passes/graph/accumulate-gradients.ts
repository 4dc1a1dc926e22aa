/**
 * Gradient accumulation: instead of updating parameters, a step adds its gradients to sums that later steps continue.
 */

import type { Origin } from "../../src/core/origin.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Update } from "../../src/ir/types.ts";
import { accumulatedName } from "../../src/ir/update.ts";
import { add, full } from "../../src/ops/algebra.ts";
import { opTable } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";
import { gradientName } from "./autodiff.ts";
import { gradientsOf, originsOf, TRAINING_STEP, withoutGradients } from "./training-step.ts";

/** Replaces the gradient outputs by `accumulated.NAME ← accumulated.NAME + gradient`, as `backward()` adds to `grad`. */
export const accumulateGradients: Pass<Graph, Graph> = {
  ...TRAINING_STEP,
  run(graph) {
    const b = GraphBuilder.from(graph, opTable);
    const updates = [...gradientsOf(graph)].map(([parameter, gradient]): Update => {
      const target = b.input("state", accumulatedName(parameter.name), parameter.type);
      const value = b.at(originsOf(graph, parameter), () => add(b, target, gradient));
      return { target, value };
    });
    return b.build(graph.name, withoutGradients(graph), [...graph.updates, ...updates]);
  },
};

/** The graph of the update that follows: its gradients are the sums, which it resets to 0. */
export interface AccumulatedGradients {
  readonly graph: Graph;
  /** The lines of the model that each parameter belongs to, for the update. */
  readonly origins: ReadonlyMap<string, readonly Origin[]>;
}

/** Makes that graph for a traced model and those of its parameters whose gradients are summed. */
export function accumulatedGradients(traced: Graph, parameters: readonly string[]): AccumulatedGradients {
  const b = new GraphBuilder(opTable);
  const states = traced.inputs.filter(({ role, name }) => role === "state" && parameters.includes(name));
  for (const state of states) b.adopt(state);
  const sums = states.map(({ name, type }) => ({ name, sum: b.input("state", accumulatedName(name), type) }));
  const updates = sums.map(({ sum }): Update => ({ target: sum, value: full(b, sum.type.shape, 0) }));
  const outputs = sums.map(({ name, sum }) => ({ name: gradientName(name), value: sum }));
  return {
    graph: b.build(`${traced.name}_update`, outputs, updates),
    origins: new Map(states.map((state) => [state.name, originsOf(traced, state)])),
  };
}
