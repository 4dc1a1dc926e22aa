/** What a `forward` has returned: the tensors in it, in order, and what is wrong with it where it is something else. */

import { Tensor } from "../tensor/tensor.ts";
import { leavesOf } from "../tensor/tensor-tree.ts";
import { described } from "./mistakes.ts";

/** The tensors in lists and records, in the order in which a program gives them. */
export const tensorsIn = (result: unknown): readonly Tensor[] =>
  leavesOf(result, "").flatMap(({ value }) => (value instanceof Tensor ? [value] : []));

/** Why `result` is nothing that a model called `name` may return; undefined where it is. */
export function mistakeIn(result: unknown, name: string): string | undefined {
  const leaves = leavesOf(result, "forward's result").filter(
    ({ value }) => (value ?? undefined) !== undefined,
  );
  const strange = leaves.find(({ value }) => !(value instanceof Tensor));
  if (strange === undefined && leaves.length > 0) return undefined;
  const place =
    strange === undefined || strange.value === result
      ? ""
      : `: ${strange.path} is ${described(strange.value)}`;
  return `forward of ${name} must return a tensor, or lists or records of tensors, not ${described(result)}${place}`;
}
