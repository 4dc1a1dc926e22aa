/** Which nodes may share a kernel although neither reads the other: two reductions of one tensor, for example. */

import { sameShape, sizeOf } from "../src/core/shape.ts";
import type { Node, Value } from "../src/ir/types.ts";
import { ints } from "../src/ops/definition.ts";
import { definitionOf } from "../src/ops/registry.ts";

/** A kernel in the making, as far as its neighbours matter. */
interface Kernel {
  readonly nodes: ReadonlySet<Node>;
  readonly stores: ReadonlySet<Node>;
}

/** Whether two reductions go over the same axes of equal shapes and read a tensor in common: one loop serves both. */
export function reduceAlike(a: Node, b: Node): boolean {
  const [x, y] = [a.inputs[0], b.inputs[0]];
  return (
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

/** Whether `kernel` has to run after one that stores `node`: then it cannot compute `node` itself. */
export function comesAfter(kernel: Kernel, node: Node, others: readonly Kernel[]): boolean {
  const storedBy = new Map(
    others.flatMap((other) => [...other.stores].map((store) => [store, other] as const)),
  );
  const seen = new Set<Value>();
  const stack: Value[] = [...kernel.nodes].flatMap(({ inputs }) => inputs);
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (value === node) return true;
    if (seen.has(value) || value.kind === "input") continue;
    seen.add(value);
    const producer = storedBy.get(value);
    const needed = producer === undefined || producer === kernel ? [value] : [...producer.nodes];
    stack.push(...needed.flatMap(({ inputs }) => inputs));
  }
  return false;
}
