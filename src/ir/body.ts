/** Ops with several results, and ops that carry a graph as their body: what all who walk a graph need of both. */

import type { Attr, Attrs, Graph, Node, NodeType, TensorType, Value } from "./types.ts";

/** The types of all results, in order. */
export const resultsOf = ({ dtype, shape, others = [] }: NodeType): readonly TensorType[] => [
  { dtype, shape },
  ...others,
];

/** Which result of its node a value is: 0 for what is not a further one. */
export const resultIndex = (value: Value): number =>
  value.kind === "node" && value.op === RESULT ? (value.attrs.index as number) : 0;

/** The name of the op that gives the further results of a node. */
export const RESULT = "result_of";

/** The op that computes a node: of a further result the one that it is a result of. */
export const producerOf = (node: Node): Node => (node.op === RESULT ? (node.inputs[0] as Node) : node);

/** The inputs of the op behind a node. */
export const operandsOf = (node: Node): readonly Value[] => producerOf(node).inputs;

export const isBody = (value: Attr): value is Graph => typeof value === "object" && "nodes" in value;

/** The bodies that a node carries. */
export const bodiesOf = (attrs: Attrs): readonly Graph[] => Object.values(attrs).filter(isBody);

/** The attributes with what `change` makes of each body. */
export const changedBodies = (attrs: Attrs, change: (body: Graph) => Graph): Attrs =>
  Object.fromEntries(
    Object.entries(attrs).map(([name, value]) => [name, isBody(value) ? change(value) : value]),
  );
