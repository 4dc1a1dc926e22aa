/** Where values live: every stored value is row-major, and reshapes become views of the buffer they read. */

import type { Graph } from "../src/ir/types.ts";
import { definitionOf } from "../src/ops/registry.ts";
import { baseOf } from "./fuse.ts";
import type { Pass } from "./pass.ts";

export const layout: Pass<Graph, Graph> = {
  name: "layout",
  doc: "Turns reshapes into views: the same buffer read under another shape, without a kernel.",
  run(graph) {
    const views = graph.nodes
      .filter((node) => definitionOf(node.op).pattern === "view")
      .map((node) => ({ node, base: baseOf(node) }));
    return views.length === 0 ? graph : { ...graph, views };
  },
};
