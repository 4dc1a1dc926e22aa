/**
 * Dead code elimination: removes what neither an output nor an update needs. Inputs stay, as they are the interface.
 */

import { changedBodies, RESULT, resultIndex } from "../../src/ir/body.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import type { Narrowed } from "../../src/ops/definition.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";

export const dce: Pass<Graph, Graph> = {
  name: "dce",
  doc: "Removes nodes that no output and no update depends on, and unused results of loops.",
  run(graph) {
    const { live, narrowed } = liveness(graph);
    const kept: Graph = {
      ...graph,
      nodes: graph.nodes.filter((node) => live.has(node) || narrowed.has(node)),
      origins: new Map([...graph.origins].filter(([value]) => live.has(value))),
    };
    return narrowed.size === 0 ? kept : withNarrowed(kept, narrowed);
  },
};

/** What is needed of a graph: its values, and for nodes that can compute less, what remains of them. */
function liveness({ nodes, outputs, updates }: Graph): {
  readonly live: ReadonlySet<Value>;
  readonly narrowed: ReadonlyMap<Node, Narrowed>;
} {
  const live = new Set<Value>([...outputs, ...updates].map(({ value }) => value));
  const used = new Map<Value, Set<number>>();
  const narrowed = new Map<Node, Narrowed>();
  for (const node of [...nodes].reverse()) {
    const { op, inputs, attrs } = node;
    const results = used.get(node) ?? new Set<number>();
    if (live.has(node)) results.add(0);
    if (results.size === 0) continue;
    if (op === RESULT) {
      used.set(inputs[0], (used.get(inputs[0]) ?? new Set<number>()).add(resultIndex(node)));
      continue;
    }
    const less = definitionOf(op).without?.(inputs, attrs, results);
    if (less !== undefined) narrowed.set(node, less);
    for (const input of less === undefined ? inputs : less.inputs.map((k) => inputs[k])) live.add(input);
    live.add(node);
  }
  return { live, narrowed };
}

function withNarrowed(graph: Graph, narrowed: ReadonlyMap<Node, Narrowed>): Graph {
  const places = new Map<Value, Narrowed>();
  return rewriteGraph(graph, opTable, (b, node, inputs) => {
    const less = narrowed.get(node);
    if (less !== undefined) {
      const made = b.node(
        node.op,
        less.inputs.map((k) => inputs[k]),
        changedBodies(less.attrs, dce.run),
      );
      places.set(made, less);
      return made;
    }
    const place = node.op === RESULT ? places.get(inputs[0]) : undefined;
    if (place === undefined) return b.node(node.op, inputs, node.attrs);
    const index = place.results.indexOf(resultIndex(node));
    return index === 0 ? inputs[0] : b.node(RESULT, inputs, { index });
  });
}
