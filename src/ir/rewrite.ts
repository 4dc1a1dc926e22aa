/** Rebuilding a graph node by node: the shape of every graph pass that replaces values. */

import { GraphBuilder } from "./builder.ts";
import type { Graph, Node, OpTable, Value } from "./types.ts";

/** Gives the replacement of `node`, whose inputs have already been replaced by `inputs`. */
export type Visit = (builder: GraphBuilder, node: Node, inputs: readonly Value[]) => Value;

/** Applies `visit` to all nodes in order; origins and names follow, and outputs and updates point to the new values. */
export function rewriteGraph(graph: Graph, table: OpTable, visit: Visit): Graph {
  const builder = new GraphBuilder(table);
  const replaced = new Map<Value, Value>();
  for (const input of graph.inputs) {
    builder.adopt(input);
    replaced.set(input, input);
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((v) => replaced.get(v)!);
    const value = builder.at(graph.origins.get(node) ?? [], () => visit(builder, node, inputs));
    builder.name(value, graph.names?.get(node));
    replaced.set(node, value);
  }
  return builder.build(
    graph.name,
    graph.outputs.map(({ name, value }) => ({ name, value: replaced.get(value)! })),
    graph.updates.map(({ target, value }) => ({ target, value: replaced.get(value)! })),
  );
}

/** Nodes that use each value, in graph order. */
export function usersOf(graph: Graph): ReadonlyMap<Value, readonly Node[]> {
  const users = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      const list = users.get(input);
      if (list === undefined) users.set(input, [node]);
      else list.push(node);
    }
  }
  return users;
}

/** Everything that `roots` depend on, themselves included. */
export function reachable(roots: readonly Value[]): ReadonlySet<Value> {
  const seen = new Set<Value>();
  const stack = [...roots];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.kind === "node") stack.push(...value.inputs);
  }
  return seen;
}
