/** Which nodes may share a kernel although neither reads the other: two reductions of one tensor, for example. */

import { sameShape, sizeOf } from "../../src/core/shape.ts";
import type { Node, Value } from "../../src/ir/types.ts";
import { ints } from "../../src/ops/definition.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** Whether two nodes slide one window, as a pool and its winner do; of one node, whether others could slide along. */
export function slidesAlike(a: Node, b: Node): boolean {
  const { sweep } = definitionOf(a.op);
  return (
    sweep !== undefined &&
    sweep === definitionOf(b.op).sweep &&
    a.inputs[0] === b.inputs[0] &&
    JSON.stringify(a.attrs) === JSON.stringify(b.attrs)
  );
}

/** Whether two reductions go over the same axes of equal shapes and read a tensor in common: one loop serves both. */
export function reduceAlike(a: Node, b: Node): boolean {
  const [x, y] = [a.inputs[0], b.inputs[0]];
  return (
    definitionOf(a.op).pattern === "reduction" &&
    definitionOf(b.op).pattern === "reduction" &&
    sameShape(a.type.shape, b.type.shape) &&
    sameShape(x.type.shape, y.type.shape) &&
    String(ints(a.attrs, "axes")) === String(ints(b.attrs, "axes")) &&
    readsOf(x).some((value) => readsOf(y).includes(value))
  );
}

/** The tensors of full size that the elements of `value` are made of, one elementwise op deep. */
function readsOf(value: Value): readonly Value[] {
  if (value.kind !== "node" || definitionOf(value.op).pattern !== "elementwise") return [value];
  const full = value.inputs.filter((input) => sizeOf(input.type.shape) === sizeOf(value.type.shape));
  return [value, ...full];
}
