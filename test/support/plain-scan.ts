/** `scan` as a plain loop, which it must agree with. */

import { type scan, stack, Tensor } from "kiln-js";

/** The tensors of a tree, elsewhere. */
const mapped = (tree: unknown, change: (tensor: Tensor, k: number) => Tensor): unknown => {
  let count = 0;
  const walk = (part: unknown): unknown => {
    if (part instanceof Tensor) return change(part, count++);
    if (Array.isArray(part)) return part.map(walk);
    if (part === null || part === undefined) return part;
    return Object.fromEntries(Object.entries(part as object).map(([key, item]) => [key, walk(item)]));
  };
  return walk(tree);
};

const leaves = (tree: unknown): Tensor[] => {
  const found: Tensor[] = [];
  mapped(tree, (tensor) => {
    found.push(tensor);
    return tensor;
  });
  return found;
};

/** Written out by the user's own program: one call of the body for each iteration. */
export const plainScan: typeof scan = (fn, carried, inputs, { reverse = false, length } = {}) => {
  const iterations = leaves(inputs)[0]?.shape[0] ?? length ?? 0;
  let carry = carried;
  const rows: unknown[] = [];
  for (let k = 0; k < iterations; k++) {
    const at = reverse ? iterations - 1 - k : k;
    const element = mapped(inputs, (tensor) => tensor.select(0, at)) as typeof inputs;
    // The body changes only its own tensors.
    const [next, y] = fn(mapped(carry, (tensor) => tensor.clone()) as typeof carried, element);
    carry = next;
    if (reverse) rows.unshift(y);
    else rows.push(y);
  }
  const columns = rows.map(leaves);
  const stacked = mapped(rows[0], (_, k) => stack(columns.map((row) => row[k])));
  return [carry, stacked] as ReturnType<typeof plainScan<never, never, never>>;
};
