/** Which nodes may share a kernel although neither reads the other: two reductions of one tensor, for example. */

import { sameShape, sizeOf } from "../../src/core/shape.ts";
import { operandsOf, producerOf } from "../../src/ir/body.ts";
import type { Node, Value } from "../../src/ir/types.ts";
import { ints } from "../../src/ops/definition.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** Whether two nodes are results of one op, or reductions that go over the same axes of equal shapes and read a tensor in common: one loop serves both. */
export function walkAlike(a: Node, b: Node): boolean {
  const [first, second] = [producerOf(a), producerOf(b)];
  if (first === second) return true;
  const [x, y] = [first.inputs[0], second.inputs[0]];
  return (
    definitionOf(a).pattern === "reduction" &&
    definitionOf(b).pattern === "reduction" &&
    sameShape(a.type.shape, b.type.shape) &&
    sameShape(x.type.shape, y.type.shape) &&
    String(ints(first.attrs, "axes")) === String(ints(second.attrs, "axes")) &&
    readsOf(x).some((value) => readsOf(y).includes(value))
  );
}

/** The tensors of full size that the elements of `value` are made of, one elementwise op deep. */
function readsOf(value: Value): readonly Value[] {
  if (value.kind !== "node" || definitionOf(value).pattern !== "elementwise") return [value];
  const full = operandsOf(value).filter((input) => sizeOf(input.type.shape) === sizeOf(value.type.shape));
  return [value, ...full];
}
