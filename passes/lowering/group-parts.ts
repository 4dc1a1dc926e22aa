/** What a group is made of: the names of its ops, where they come from, its stores by shape, what each is computed from. */

import { mergeOrigins, type Origin } from "../../src/core/origin.ts";
import { sameShape } from "../../src/core/shape.ts";
import { topologicalOrder } from "../../src/core/topological.ts";
import { operandsOf, producerOf, resultIndex } from "../../src/ir/body.ts";
import { isConstant } from "../../src/ir/builder.ts";
import type { Graph, Group, Node, Value } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** An op; of a further result its own word with it. */
export function nameOf(node: Node): string {
  const { op } = producerOf(node);
  const word = definitionOf(node).furtherResults?.[resultIndex(node) - 1];
  return word === undefined ? op : `${op}_${word}`;
}

/** Where a group comes from: equal constants are one, with the origins of all who use them; what computes has its own. */
export function originsOf({ nodes }: Group, { origins }: Graph): readonly Origin[] {
  const computed = nodes.filter((node) => !isConstant(node));
  return (computed.length === 0 ? nodes : computed).reduce<readonly Origin[]>(
    (all, node) => mergeOrigins(all, origins.get(node) ?? []),
    [],
  );
}

/** What `store` is computed from among the nodes `inside`, constants left out, and itself. */
export const computedIn = (inside: ReadonlySet<Value>, store: Node): Node[] =>
  topologicalOrder([store], (node) =>
    operandsOf(node).filter(
      (input): input is Node => input.kind === "node" && inside.has(input) && !isConstant(input),
    ),
  );

/** Nodes of equal shapes together. */
export function byShape(nodes: readonly Node[]): Node[][] {
  const shapes: Node[][] = [];
  for (const node of nodes) {
    const alike = shapes.find(([first]) => sameShape(first.type.shape, node.type.shape));
    if (alike === undefined) shapes.push([node]);
    else alike.push(node);
  }
  return shapes;
}
