/** One spelling for each meaning: explicit shapes, attributes in order, constants on the right, few operands at a time. */

import { type GraphBuilder, isConstant } from "../../src/ir/builder.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import type { Attrs, Graph, Node, Value } from "../../src/ir/types.ts";
import { MOST_JOINED } from "../../src/ops/join.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";

export const canonicalize: Pass<Graph, Graph> = {
  name: "canonicalize",
  doc: "Writes out the shapes that were asked for as -1, sorts attributes and puts constants on the right of commutative ops.",
  run: (graph) =>
    rewriteGraph(graph, opTable, (b, node, inputs) =>
      b.node(node.op, ordered(node, fewer(b, node, inputs)), sorted(explicit(node))),
    ),
};

/** The inputs of an op that joins any number of tensors, joined in parts if there are many; all others unchanged. */
function fewer(b: GraphBuilder, node: Node, inputs: readonly Value[]): readonly Value[] {
  if (definitionOf(node.op).joinsInParts !== true || inputs.length <= MOST_JOINED) return inputs;
  const parts: Value[] = [];
  for (let k = 0; k < inputs.length; k += MOST_JOINED)
    parts.push(b.node(node.op, inputs.slice(k, k + MOST_JOINED), sorted(node.attrs)));
  return fewer(b, node, parts);
}

const explicit = ({ op, attrs, type }: Node): Attrs =>
  definitionOf(op).canonicalAttrs?.(attrs, type) ?? attrs;

const sorted = (attrs: Attrs): Attrs =>
  Object.fromEntries(Object.entries(attrs).sort(([a], [b]) => (a < b ? -1 : 1)));

function ordered(node: Node, inputs: readonly Value[]): readonly Value[] {
  const [a, b] = inputs;
  if (!definitionOf(node.op).isCommutative || !isConstant(a) || isConstant(b)) return inputs;
  return [b, a];
}
