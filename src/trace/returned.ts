/** The result of a `forward`: the tensors in it, in order, and what is wrong with it if it is something else. */

import { Tensor } from "../tensor/tensor.ts";
import { leavesOf } from "../tensor/tensor-tree.ts";
import { described, typeOf, wantsNumber } from "./mistakes.ts";

/** The tensors in lists and records, in the order in which a program gives them. */
export const tensorsIn = (result: unknown): readonly Tensor[] =>
  leavesOf(result, "").flatMap(({ value }) => (value instanceof Tensor ? [value] : []));

/** Why a model called `name` may not return `result`; undefined if it may. */
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

/** Why `result` is nothing that a loss may return: one tensor, or a record of single numbers with a `loss` among them. */
export function mistakeInLoss(result: unknown, name: string): string | undefined {
  if (result instanceof Tensor) return undefined;
  if (typeof result !== "object" || result === null || Array.isArray(result))
    return `a loss must return one tensor, or a record of named ones; ${name} returns ${described(result)}`;
  if (!Object.hasOwn(result, "loss")) {
    return (
      `of the named losses that ${name} returns (${Object.keys(result).join(", ")}) one must be called loss: the one ` +
      "that is differentiated"
    );
  }
  const strange = Object.entries(result).find(
    ([, value]) => !(value instanceof Tensor && value.numel() === 1),
  );
  return strange && wantsNumber(`the ${strange[0]} that ${name} returns`, strange[1]);
}

/** Why `result` is nothing that a training step may return: nothing at all, or tensors in lists and records. */
export function mistakeInStep(result: unknown, name: string): string | undefined {
  const strange = leavesOf(result, "its result").find(
    ({ value }) => !((value ?? undefined) === undefined || value instanceof Tensor),
  );
  if (strange === undefined) return undefined;
  const { path, value } = strange;
  return `the step ${name} must return tensors, in lists and records, or nothing: ${path} is ${described(value)}`;
}

/** Why `result` does not end with a state like `state`; undefined if it does. */
export function mistakeInCarried(state: unknown, result: unknown, name: string): string | undefined {
  const wanted =
    `forward of ${name} is given the carried state last, and must return a list that ends with the next one, such as ` +
    "[out, state]";
  if (!Array.isArray(result) || result.length < 2) return `${wanted}; it returns ${shown(result)}`;
  const [before, after] = [leavesOf(state, "state"), leavesOf(result.at(-1), "state")];
  const paths = (leaves: typeof before): string => leaves.map(({ path }) => path).join(", ");
  if (paths(before) !== paths(after))
    return `${wanted}: it is given ${paths(before)}, and returns ${paths(after)}`;
  const other = before.findIndex(({ value }, k) => shown(value) !== shown(after[k].value));
  if (other < 0) return undefined;
  const { path, value } = before[other];
  return `${wanted}: ${path} is ${shown(value)}, and it returns ${shown(after[other].value)} for it`;
}

const shown = (value: unknown): string => (value instanceof Tensor ? typeOf(value) : described(value));
