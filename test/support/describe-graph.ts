/** A graph as plain data that `toEqual` can compare: all of its contents, without the printer under test. */

import type { Graph, Value } from "../../src/ir/types.ts";

export function describeGraph(graph: Graph): unknown {
  const names = new Map<Value, string>();
  graph.inputs.forEach((input, k) => {
    names.set(input, `input ${k}`);
  });
  graph.nodes.forEach((node, k) => {
    names.set(node, `node ${k}`);
  });
  const nameOf = (value: Value): string => names.get(value) ?? "a stranger";
  return {
    name: graph.name,
    inputs: graph.inputs.map(({ role, name, type }) => ({ role, name, type })),
    nodes: graph.nodes.map((node) => ({
      op: node.op,
      inputs: node.inputs.map(nameOf),
      attrs: Object.entries(node.attrs),
      type: node.type,
      origins: graph.origins.get(node) ?? [],
    })),
    outputs: graph.outputs.map(({ name, value }) => [name, nameOf(value)]),
    updates: graph.updates.map(({ target, value }) => [nameOf(target), nameOf(value)]),
    partition: graph.partition && {
      kept: graph.partition.kept.map(nameOf),
      recomputed: graph.partition.recomputed.map(nameOf),
    },
    groups: (graph.groups ?? []).map(({ name, nodes, stores }) => ({
      name,
      nodes: nodes.map(nameOf),
      stores: stores.map(nameOf),
    })),
    views: (graph.views ?? []).map(({ node, base }) => [nameOf(node), nameOf(base)]),
    layouts: (graph.layouts ?? []).map(({ value, layout }) => [nameOf(value), layout]),
  };
}
