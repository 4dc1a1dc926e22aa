/**
 * Which nodes belong to the forward pass of a step: what its loss is computed from, and what the backward pass wants to know of
 * forward values that takes far less memory than they do, such as the deviation of each row.
 */

import { producerOf } from "../../src/ir/body.ts";
import { reachable } from "../../src/ir/rewrite.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { isSmallBeside } from "./cheap.ts";

/** The values of the forward pass, what it reads among them. */
export function forwardOf({ nodes, outputs }: Graph): ReadonlySet<Value> {
  const forward = new Set<Value>(reachable(outputs.slice(0, 1).map(({ value }) => value)));
  for (const node of nodes) {
    // What an op gives for the backward pass's sake, such as where a pool's maxima stand, is computed along with the rest.
    if (forward.has(producerOf(node)) || isStatistic(node, forward)) forward.add(node);
  }
  return forward;
}

/** A reduction of forward values to far fewer: whoever keeps it need not keep them. */
const isStatistic = (node: Node, forward: ReadonlySet<Value>): boolean =>
  definitionOf(node).pattern === "reduction" &&
  node.inputs.every((input) => forward.has(input) || input.kind === "input") &&
  node.inputs.some((input) => isSmallBeside(node, input));
