/** One spelling for each meaning: explicit shapes, attributes in order, constants on the right. */

import { rewriteGraph } from "../src/ir/rewrite.ts";
import type { Attrs, Graph, Node, Value } from "../src/ir/types.ts";
import { opTable } from "../src/ops/registry.ts";
import type { Pass } from "./pass.ts";

/** Ops whose two operands may change places. */
export const COMMUTATIVE = new Set(["add", "mul", "maximum", "minimum"]);

export const canonicalize: Pass<Graph, Graph> = {
  name: "canonicalize",
  doc: "Writes out the shapes that were asked for as -1, sorts attributes and puts constants on the right of commutative ops.",
  run: (graph) =>
    rewriteGraph(graph, opTable, (b, node, inputs) =>
      b.node(node.op, ordered(node, inputs), sorted(explicit(node))),
    ),
};

const explicit = (node: Node): Attrs =>
  node.op === "reshape" ? { ...node.attrs, shape: node.type.shape } : node.attrs;

const sorted = (attrs: Attrs): Attrs =>
  Object.fromEntries(Object.entries(attrs).sort(([a], [b]) => (a < b ? -1 : 1)));

function ordered(node: Node, inputs: readonly Value[]): readonly Value[] {
  const [a, b] = inputs;
  if (!COMMUTATIVE.has(node.op) || !isConstant(a) || isConstant(b)) return inputs;
  return [b, a];
}

const isConstant = (v: Value): boolean => v.kind === "node" && v.op === "constant";
