/**
 * The nodes of a model as lines of text for people to read: a node is on the line of its number, which origins name.
 */

import type { Node, OnnxFunction, OnnxGraph } from "./graph.ts";

/** All nodes, including those of functions and nested graphs: `relu_1 = Relu(conv1_1)`. */
export function listingOf(graph: OnnxGraph, functions: readonly OnnxFunction[]): string {
  const lines: string[] = [];
  const add = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      const given = node.outputs.filter((name) => name !== "").join(", ");
      lines[node.number - 1] = `${given} = ${node.op}(${node.inputs.join(", ")})`.replace(/\p{Cc}/gu, "?");
      for (const { kind, value } of node.attributes.values()) if (kind === "graph") add(value.nodes);
    }
  };
  for (const { nodes } of functions) add(nodes);
  add(graph.nodes);
  return `${Array.from(lines, (line) => line ?? "").join("\n")}\n`;
}
