/** The parts of a group: the names of its ops, its origins, its stores by shape, what each is computed from. */

import { mergeOrigins, type Origin } from "../../src/core/origin.ts";
import { sameShape } from "../../src/core/shape.ts";
import { topologicalOrder } from "../../src/core/topological.ts";
import { operandsOf, producerOf, resultIndex } from "../../src/ir/body.ts";
import { isConstant } from "../../src/ir/builder.ts";
import type { Graph, Group, Node, Value } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** An op's name; for a further result, with the name of that result. */
export function nameOf(node: Node): string {
  const { op } = producerOf(node);
  const word = definitionOf(node).furtherResults?.[resultIndex(node) - 1];
  return word === undefined ? op : `${op}_${word}`;
}

/**
 * The origins of a group: equal constants are one node with the origins of all users, so only nodes that compute count.
 */
export function originsOf({ nodes }: Group, { origins }: Graph): readonly Origin[] {
  const computed = nodes.filter((node) => !isConstant(node));
  return (computed.length === 0 ? nodes : computed).reduce<readonly Origin[]>(
    (all, node) => mergeOrigins(all, origins.get(node) ?? []),
    [],
  );
}

/** The nodes among `inside` that `store` is computed from, without constants, and itself. */
export const computedIn = (inside: ReadonlySet<Value>, store: Node): Node[] =>
  topologicalOrder([store], (node) =>
    operandsOf(node).filter(
      (input): input is Node => input.kind === "node" && inside.has(input) && !isConstant(input),
    ),
  );

/** Groups nodes of equal shapes. */
export function byShape(nodes: readonly Node[]): Node[][] {
  const shapes: Node[][] = [];
  for (const node of nodes) {
    const alike = shapes.find(([first]) => sameShape(first.type.shape, node.type.shape));
    if (alike === undefined) shapes.push([node]);
    else alike.push(node);
  }
  return shapes;
}
