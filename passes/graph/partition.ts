/**
 * Decides what the forward pass keeps for the backward pass and what is computed again. A row-wise op such
 * as log_softmax is recomputed from its input, which is kept as it is; results of contractions and windows
 * are never computed twice, and neither is what some op compares: computed twice it may differ in its last bit.
 */

import { isFloat } from "../../src/core/dtype.ts";
import { operandsOf, producerOf } from "../../src/ir/body.ts";
import { isConstant } from "../../src/ir/builder.ts";
import { reachable, usersOf } from "../../src/ir/rewrite.ts";
import type { Graph, Node } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";

export const partition: Pass<Graph, Graph> = {
  name: "partition",
  doc: "Names the forward values that the backward pass reads (`keep`) and those it computes again (`recompute`).",
  run(graph) {
    if (graph.updates.length === 0 && graph.outputs.length < 2) return graph;
    const forward = new Set(reachable(graph.outputs.slice(0, 1).map(({ value }) => value)));
    // What an op gives for the backward pass's sake, such as where a pool's maxima stand, is computed along with the rest.
    for (const node of graph.nodes) if (forward.has(producerOf(node))) forward.add(node);
    const outputs = new Set(graph.outputs.map(({ value }) => value));
    const users = usersOf(graph);
    const kept: Node[] = [];
    const recomputed: Node[] = [];
    // What an op gives for the backward pass's sake, such as where a pool's maxima stand, is computed along with the rest.
    for (const node of graph.nodes) {
      const readers = users.get(node) ?? [];
      const crosses = forward.has(node) && readers.some((user) => !forward.has(user));
      if (!crosses || isConstant(node)) continue;
      const isCheap = definitionOf(node).pattern === "row" && !outputs.has(node);
      (isCheap && !isCompared(node, readers) ? recomputed : kept).push(node);
    }
    return { ...graph, partition: { kept, recomputed } };
  },
};

/** Whether some of its users decide by the exact numbers of `node`. Whole numbers are exact however they are computed. */
export const isCompared = (node: Node, users: readonly Node[]): boolean =>
  isFloat(node.type.dtype) &&
  users.some((user) => definitionOf(user).compares?.some((k) => operandsOf(user)[k] === node));
