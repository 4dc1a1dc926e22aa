/** Evaluates a graph node by node with the ops' reference implementations: an oracle without passes. */

import type { TypedArray } from "../../src/core/dtype.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import type { NdArray } from "../../src/ops/ndarray.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** Outputs and updated states by name, in double. */
export function evaluateGraph(
  graph: Graph,
  values: Readonly<Record<string, ArrayLike<number>>>,
): Record<string, TypedArray> {
  const known = evaluated(
    graph,
    graph.inputs.map(({ name, type: { shape } }) => ({ shape, data: Float64Array.from(values[name]) })),
  );
  return Object.fromEntries([
    ...graph.outputs.map(({ name, value }) => [name, known.get(value)!.data]),
    ...graph.updates.map(({ target, value }) => [`@${target.name}`, known.get(value)!.data]),
  ]);
}

/** The values of a graph, whose inputs are given in order. */
function evaluated(graph: Graph, given: readonly NdArray[]): ReadonlyMap<Value, NdArray> {
  const known = new Map<Value, NdArray>(graph.inputs.map((input, k) => [input, given[k]]));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((v) => known.get(v)!);
    known.set(node, definitionOf(node.op).reference(inputs, node.type, node.attrs, evaluateBody));
  }
  return known;
}

/** The results of a body. */
export function evaluateBody(body: Graph, inputs: readonly NdArray[]): readonly NdArray[] {
  const known = evaluated(body, inputs);
  return body.outputs.map(({ value }) => known.get(value)!);
}
