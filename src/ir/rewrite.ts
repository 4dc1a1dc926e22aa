/** Rebuilding a graph node by node: the shape of every graph pass that replaces values. */

import { bodiesOf, changedBodies, operandsOf } from "./body.ts";
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

/**
 * The graph with what `change` makes of each body in it. All that the graph says of its nodes is said of those in their
 * place; a graph without bodies is given back as it is.
 */
export function mapBodies(graph: Graph, table: OpTable, change: (body: Graph) => Graph): Graph {
  if (graph.nodes.every(({ attrs }) => bodiesOf(attrs).length === 0)) return graph;
  const b = new GraphBuilder(table);
  const replaced = new Map<Value, Value>();
  for (const input of graph.inputs) {
    b.adopt(input);
    replaced.set(input, input);
  }
  const of = (value: Value): Value => replaced.get(value)!;
  const nodeOf = (node: Node): Node => of(node) as Node;
  for (const node of graph.nodes) {
    const attrs = changedBodies(node.attrs, change);
    replaced.set(
      node,
      b.at(graph.origins.get(node) ?? [], () => b.node(node.op, node.inputs.map(of), attrs)),
    );
  }
  const { partition, groups, views, layouts, names } = graph;
  return {
    ...b.build(
      graph.name,
      graph.outputs.map((output) => ({ ...output, value: of(output.value) })),
      graph.updates.map((update) => ({ ...update, value: of(update.value) })),
    ),
    ...(names && { names: new Map([...names].map(([node, name]) => [nodeOf(node), name])) }),
    ...(partition && {
      partition: { kept: partition.kept.map(nodeOf), recomputed: partition.recomputed.map(nodeOf) },
    }),
    ...(groups && {
      groups: groups.map((group) => ({
        ...group,
        nodes: group.nodes.map(nodeOf),
        stores: group.stores.map(nodeOf),
      })),
    }),
    ...(views && { views: views.map(({ node, base }) => ({ node: nodeOf(node), base: of(base) })) }),
    ...(layouts && { layouts: layouts.map((l) => ({ ...l, value: of(l.value) })) }),
  };
}

/** Nodes that are computed from each value, in graph order: all results of an op from what the op reads. */
export function usersOf(graph: Graph): ReadonlyMap<Value, readonly Node[]> {
  const users = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(operandsOf(node))) {
      const list = users.get(input);
      if (list === undefined) users.set(input, [node]);
      else list.push(node);
    }
  }
  return users;
}

/** Everything that `roots` depend on, themselves included; nothing that only values in `known` depend on. */
export function reachable(
  roots: readonly Value[],
  known?: Pick<ReadonlyMap<Value, unknown>, "has">,
): ReadonlySet<Value> {
  const seen = new Set<Value>();
  const stack = [...roots];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.kind === "node" && !known?.has(value)) stack.push(...value.inputs);
  }
  return seen;
}
