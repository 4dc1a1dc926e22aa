/** Which dtype two operands meet in, and the casts that bring them there (torch.result_type). */

import { type DType, PUBLIC_DTYPES } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { located } from "./located.ts";
import { apply, constant } from "./operation.ts";
import type { Tensor } from "./tensor.ts";

/** The same numbers in another dtype; a fraction is cut off, and only 0 is false. Gradients stop here. */
export function to(input: Tensor, dtype: DType): Tensor {
  if (!PUBLIC_DTYPES.includes(dtype)) {
    return located(() => {
      throw new KilnError(`to() knows the dtypes ${PUBLIC_DTYPES.join(", ")}, not ${dtype}`);
    });
  }
  return input.dtype === dtype ? input : apply("cast", [input], { dtype });
}

/** A number as a tensor of rank 0 that `like` can be compared or combined with. */
export function scalarLike(value: number, like: Tensor): Tensor {
  return constant(value, Number.isInteger(value) && like.dtype === "int32" ? "int32" : "float32");
}

/** Both operands in the wider of their dtypes. */
export function promoted(a: Tensor, b: Tensor): readonly [Tensor, Tensor] {
  const ranks = [a, b].map((operand) => PUBLIC_DTYPES.indexOf(operand?.dtype));
  // What is no tensor is for the operation itself to refuse.
  if (ranks.includes(-1)) return [a, b];
  const dtype = PUBLIC_DTYPES[Math.max(...ranks)];
  return [to(a, dtype), to(b, dtype)];
}

export type Relation = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** Whether `a relation b`, element by element, with broadcasting; bool. */
export function compared(a: Tensor, relation: Relation, b: Tensor | number): Tensor {
  return apply("compare", promoted(a, typeof b === "number" ? scalarLike(b, a) : b), { relation });
}
