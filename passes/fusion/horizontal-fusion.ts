/**
 * Decides which nodes may share a kernel although neither is computed inside the other: two reductions of one tensor,
 * two elementwise chains that read one tensor, and a value that is stored by the loop that goes on computing with it.
 */

import { sameShape, sizeOf } from "../../src/core/shape.ts";
import { operandsOf, producerOf } from "../../src/ir/body.ts";
import type { Node, Value } from "../../src/ir/types.ts";
import { ints } from "../../src/ops/definition.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { isCheapIn } from "./cheap.ts";

/** Patterns of nodes that are never computed where they are read. */
const IN_MEMORY: readonly string[] = ["view", "loop", "result", "generator"];

/** The most elementwise ops between a chain's value and the tensor that both chains read. */
const DEPTH = 4;

/** Whether two nodes are results of one op, reductions that go over the same axes of equal shapes and read a tensor in common, or such elementwise chains: one loop serves both. */
export function walkAlike(a: Node, b: Node, users: ReadonlyMap<Value, readonly Node[]>): boolean {
  const [first, second] = [producerOf(a), producerOf(b)];
  if (first === second) return true;
  if (isElementwise(a) && isElementwise(b)) {
    const read = readsOf(a, DEPTH);
    return sameShape(a.type.shape, b.type.shape) && [...readsOf(b, DEPTH)].some((value) => read.has(value));
  }
  const [x, y] = [first.inputs[0], second.inputs[0]];
  // A value that several nodes read is in memory and is read there, perhaps computed long before.
  const depthOf = (value: Value): number => ((users.get(value)?.length ?? 0) > 1 ? 0 : 1);
  return (
    definitionOf(a).pattern === "reduction" &&
    definitionOf(b).pattern === "reduction" &&
    sameShape(a.type.shape, b.type.shape) &&
    sameShape(x.type.shape, y.type.shape) &&
    String(ints(first.attrs, "axes")) === String(ints(second.attrs, "axes")) &&
    [...readsOf(x, depthOf(x))].some((value) => readsOf(y, depthOf(y)).has(value))
  );
}

/** The tensors of full size that `value` is computed from, through up to `depth` elementwise ops, and itself. */
function readsOf(value: Value, depth: number, found: Set<Value> = new Set()): Set<Value> {
  found.add(value);
  if (depth === 0 || value.kind !== "node" || !isElementwise(value)) return found;
  for (const input of operandsOf(value))
    if (sizeOf(input.type.shape) === sizeOf(value.type.shape)) readsOf(input, depth - 1, found);
  return found;
}

const isRow = (node: Node): boolean => definitionOf(node).pattern === "row";

const isElementwise = (node: Node): boolean => definitionOf(node).pattern === "elementwise";

/** Whether an element of `node` takes only arithmetic on elements, or is a moved one. */
export const isPointwise = (node: Node): boolean =>
  isElementwise(node) || definitionOf(node).movement !== undefined;

/** Whether `user` reads the element of `node` at the same index that it computes. */
export const readsInPlace = (node: Node, user: Node): boolean =>
  isElementwise(user) &&
  definitionOf(user).movement === undefined &&
  sameShape(node.type.shape, user.type.shape);

/**
 * Whether a loop that stores `node` and other values consists of elementwise work alone, or of a row whose elements
 * others read too: with a kernel of its own, no product, window or row would have been fused into this node's.
 */
export function isElementwiseAlone(node: Node, users: ReadonlyMap<Value, readonly Node[]>): boolean {
  const isShared = (value: Value): boolean => (users.get(value)?.length ?? 0) > 1;
  const seen = new Set<Node>();
  const isAlone = (inner: Node): boolean => {
    if (seen.has(inner)) return true;
    seen.add(inner);
    return operandsOf(inner).every((input) => {
      if (input.kind !== "node" || !isCheapIn(input, inner)) return true;
      if (isRow(inner) && isShared(input)) return true;
      if (isElementwise(input)) return isAlone(input);
      const { pattern } = definitionOf(input);
      return isPointwise(input) || IN_MEMORY.includes(pattern) || isShared(input);
    });
  };
  return (isElementwise(node) || isRow(node)) && isAlone(node);
}
