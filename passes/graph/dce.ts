/** Dead code: what neither an output nor an update needs is dropped. Inputs stay, they are the interface. */

import { reachable } from "../../src/ir/rewrite.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { Pass } from "../pass.ts";

export const dce: Pass<Graph, Graph> = {
  name: "dce",
  doc: "Removes nodes that no output and no update depends on.",
  run(graph) {
    const live = reachable([...graph.outputs, ...graph.updates].map(({ value }) => value));
    return {
      ...graph,
      nodes: graph.nodes.filter((node) => live.has(node)),
      origins: new Map([...graph.origins].filter(([value]) => live.has(value))),
    };
  },
};
