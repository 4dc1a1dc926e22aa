/** Common subexpressions: nodes that differ only in the order of commutative operands become one. */

import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";

export const cse: Pass<Graph, Graph> = {
  name: "cse",
  doc: "Merges equal nodes; the builder interns identical ones, and the operand order of commutative ops is fixed here.",
  run(graph) {
    const seen = new Map<string, readonly Value[]>();
    const ids = new Map<Value, number>();
    const idOf = (value: Value): number => {
      const id = ids.get(value) ?? ids.size;
      ids.set(value, id);
      return id;
    };
    return rewriteGraph(graph, opTable, (b, node, inputs) => {
      if (!definitionOf(node.op).isCommutative) return b.node(node.op, inputs, node.attrs);
      const key = `${node.op}:${inputs.map(idOf).sort((x, y) => x - y)}`;
      const first = seen.get(key) ?? inputs;
      seen.set(key, first);
      return b.node(node.op, first, node.attrs);
    });
  },
};
