/**
 * Finds the nodes that belong to the forward pass of a step: those that the loss is
 * computed from, and statistics of forward values that the backward pass needs and
 * that take far less memory than the values, such as the deviation of each row.
 */

import { producerOf } from "../../src/ir/body.ts";
import { reachable } from "../../src/ir/rewrite.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { isSmallBeside } from "./cheap.ts";

/** The values of the forward pass, including its inputs. */
export function forwardOf({ nodes, outputs }: Graph): ReadonlySet<Value> {
  const forward = new Set<Value>(reachable(outputs.slice(0, 1).map(({ value }) => value)));
  for (const node of nodes) {
    // Results that an op computes for the backward pass, such as
    // the positions of a pool's maxima, come with its first one.
    if (forward.has(producerOf(node)) || isStatistic(node, forward)) forward.add(node);
  }
  return forward;
}

/** A reduction of forward values to far fewer: if it is kept, they need not be. */
const isStatistic = (node: Node, forward: ReadonlySet<Value>): boolean =>
  definitionOf(node).pattern === "reduction" &&
  node.inputs.every((input) => forward.has(input) || input.kind === "input") &&
  node.inputs.some((input) => isSmallBeside(node, input));
