/** The reverse walk of differentiation: from cotangents of some values to those of all they depend on. */

import { broadcastShapes, type Shape, sameShape } from "../core/shape.ts";
import { RESULT, resultIndex, resultsOf } from "../ir/body.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Graph, Node, Value } from "../ir/types.ts";
import { add, broadcastTo, full, unbroadcast } from "./algebra.ts";

/**
 * Adds to `b`, which continues a graph, the nodes that propagate cotangents back from the `seeds` over the graph's
 * nodes; returns the cotangent of every value that one flows to. Only values that are `active` get any.
 */
export function pullBack(
  b: GraphBuilder,
  { nodes, origins }: Pick<Graph, "nodes" | "origins">,
  seeds: readonly (readonly [value: Value, cotangent: Value])[],
  active: ReadonlySet<Value>,
): ReadonlyMap<Value, Value> {
  const cotangents = new Map<Value, Value>();
  const furtherOf = new Map<Value, Node[]>();
  for (const node of nodes) {
    if (node.op !== RESULT) continue;
    furtherOf.set(node.inputs[0], [...(furtherOf.get(node.inputs[0]) ?? []), node]);
  }
  const receive = (value: Value, cotangent: Value): void => {
    const fitted = fitTo(b, cotangent, value.type.shape);
    const sum = cotangents.get(value);
    cotangents.set(value, sum === undefined ? fitted : add(b, sum, fitted));
  };
  for (const [value, cotangent] of seeds) receive(value, cotangent);
  for (const node of [...nodes].reverse()) {
    if (!active.has(node) || node.op === RESULT) continue;
    const others: (Value | undefined)[] = resultsOf(node.type)
      .slice(1)
      .map(() => undefined);
    for (const further of furtherOf.get(node) ?? [])
      others[resultIndex(further) - 1] = cotangents.get(further);
    const own = cotangents.get(node);
    if (own === undefined && others.every((other) => other === undefined)) continue;
    b.at(origins.get(node) ?? [], () => {
      const parts = b.table.vjp(b, node, own ?? full(b, node.type.shape, 0, node.type.dtype), others);
      node.inputs.forEach((input, k) => {
        const part = parts[k];
        if (part !== undefined && active.has(input)) receive(input, part);
      });
    });
  }
  return cotangents;
}

/** Every value that depends on one of `sources`, including these: where cotangents must flow. */
export function dependents(nodes: readonly Node[], sources: readonly Value[]): ReadonlySet<Value> {
  const active = new Set<Value>(sources);
  for (const node of nodes) if (node.inputs.some((input) => active.has(input))) active.add(node);
  return active;
}

/** A cotangent in the shape of its value: summed if the value was broadcast, broadcast if it is smaller itself. */
function fitTo(b: GraphBuilder, cotangent: Value, shape: Shape): Value {
  const from = cotangent.type.shape;
  if (sameShape(from, shape)) return cotangent;
  const common = broadcastShapes(from, shape);
  const isSmaller = common !== undefined && sameShape(common, shape);
  return isSmaller ? broadcastTo(b, cotangent, shape) : unbroadcast(b, cotangent, shape);
}
