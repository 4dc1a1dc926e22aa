/** The graph of tensors that wait to be computed: known versions are its inputs, wanted ones its outputs. */

import { topologicalOrder } from "../core/topological.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { reachable } from "../ir/rewrite.ts";
import type { Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import type { Version } from "../tensor/version.ts";
import type { Trace } from "./trace.ts";

export interface LazyTrace extends Trace {
  /** The tensors' versions of the graph's inputs, in order. */
  readonly leaves: readonly Version[];
  /** The versions of the graph's outputs, in order; equal computations share one. */
  readonly outputs: readonly (readonly Version[])[];
}

/** Whether a version is a number in the user's program, such as the 0.5 of `x.mul(0.5)`. */
export const isConstant = (version: Version): boolean => version.operation?.op === "constant";

/**
 * The graph that computes `wanted`, and every version on the way that is to be saved. Constants are part of it, or with
 * `liftConstants` inputs like any leaf, so that one program serves all their values.
 */
export function traceLazy(wanted: readonly Version[], liftConstants: boolean): LazyTrace {
  const builder = new GraphBuilder(opTable);
  const values = new Map<Version, Value>();
  const leaves: Version[] = [];
  const outputs = new Map<Value, Version[]>();
  const asked = new Set(wanted);
  for (const version of topologicalOrder(wanted, ({ operation }) => operation?.inputs ?? [])) {
    const { operation, type } = version;
    if (operation === undefined || (liftConstants && isConstant(version))) {
      values.set(version, builder.input("input", `leaf${leaves.length}`, type));
      leaves.push(version);
      continue;
    }
    const inputs = operation.inputs.map((input) => values.get(input)!);
    const value = builder.at(operation.origins ?? [], () =>
      builder.node(operation.op, inputs, operation.attrs),
    );
    values.set(version, value);
    // A version of several results is never kept itself.
    if ((version.isSaved || asked.has(version)) && type.others === undefined) {
      const same = outputs.get(value);
      if (same === undefined) outputs.set(value, [version]);
      else same.push(version);
    }
  }
  const named = [...outputs.keys()].map((value, k) => ({ name: `output${k}`, value }));
  return {
    graph: builder.build("lazy", named),
    states: new Map(),
    parameters: [],
    inputs: leaves.map(({ type }, k) => ({ name: `leaf${k}`, type })),
    leaves,
    outputs: [...outputs.values()],
  };
}

/**
 * The trace that computes only these outputs. All nodes that depend only on the same leaves stay in its graph, because
 * they may check those: the gradient of an embedding does not check whether a row exists.
 */
export function partOf(trace: LazyTrace, outputs: readonly number[]): LazyTrace {
  const { graph } = trace;
  const saved = outputs.map((k) => graph.outputs[k]);
  const used = reachable(saved.map(({ value }) => value));
  const isUsed = graph.inputs.map((input) => used.has(input));
  const known = new Set<Value>(graph.inputs.filter((_, k) => isUsed[k]));
  for (const node of graph.nodes) if (node.inputs.every((input) => known.has(input))) known.add(node);
  return {
    ...trace,
    graph: {
      ...graph,
      inputs: graph.inputs.filter((_, k) => isUsed[k]),
      nodes: graph.nodes.filter((node) => known.has(node)),
      outputs: saved,
    },
    inputs: trace.inputs.filter((_, k) => isUsed[k]),
    leaves: trace.leaves.filter((_, k) => isUsed[k]),
    outputs: outputs.map((k) => trace.outputs[k]),
  };
}
