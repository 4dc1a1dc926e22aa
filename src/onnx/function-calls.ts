/** Checks the calls between a model's functions before any is run: no recursion, and no explosion of nodes. */

import { KilnError } from "../core/errors.ts";
import type { Node, OnnxFunction, OnnxGraph } from "./graph.ts";

/** How many nodes a model may have after its functions are inlined: far more than the largest have. */
const MOST_NODES = 2 ** 20;

/** Throws a {@link KilnError} for recursive functions, and for a graph with too many nodes after inlining. */
export function checkCalls(graph: OnnxGraph, functions: readonly OnnxFunction[], file: string): void {
  const counts = new Map<OnnxFunction, number>();
  const open = new Set<OnnxFunction>();
  const countOf = (called: OnnxFunction): number => {
    const known = counts.get(called);
    if (known !== undefined) return known;
    if (open.has(called)) throw new KilnError(`${file} has a function that calls itself: ${called.name}`);
    open.add(called);
    const count = nodesIn(called.nodes);
    open.delete(called);
    counts.set(called, count);
    return count;
  };
  const nodesIn = (nodes: readonly Node[]): number => nodes.reduce((sum, node) => sum + nodesOf(node), 0);
  const nodesOf = (node: Node): number => {
    const called = functions.find(({ name, domain }) => name === node.op && domain === node.domain);
    let count = 1 + (called === undefined ? 0 : countOf(called));
    for (const { kind, value } of node.attributes.values())
      if (kind === "graph") count += nodesIn(value.nodes);
    return count;
  };
  const count = functions.reduce((most, each) => Math.max(most, countOf(each)), nodesIn(graph.nodes));
  if (count > MOST_NODES)
    throw new KilnError(
      `${file} comes to ${count} nodes when its functions are written out, and Kiln runs up to ${MOST_NODES}`,
    );
}
