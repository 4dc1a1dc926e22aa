/**
 * Which dtype operands meet in, and the casts that bring them there (torch.result_type); what becomes of plain numbers.
 */

import { elementOf, isInt32 } from "../core/conversion.ts";
import { type DType, isFloat, PUBLIC_DTYPES } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { requireTensor } from "./arguments.ts";
import { apply, constant } from "./operation.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** The replacements of PyTorch's other dtypes. */
function instead(dtype: string): string {
  if (/^u?int|^long$|^short$/.test(dtype)) return ": whole numbers are int32 here";
  return /float|^double$|^half$/.test(dtype) ? ": numbers with a fraction are float32 here" : "";
}

/** The error for a dtype that there is not. */
export const unknownDtype = (callee: string, dtype: unknown): KilnError =>
  new KilnError(
    `${callee}() knows the dtypes ${PUBLIC_DTYPES.join(", ")}, not ${String(dtype)}${instead(String(dtype))}`,
  );

/** The same numbers in another dtype; a fraction is cut off, and only 0 is false. Gradients stop here. */
export function to(input: Tensor, dtype: DType): Tensor {
  if (!PUBLIC_DTYPES.includes(dtype)) {
    return withOrigin(() => {
      throw unknownDtype("to", dtype);
    });
  }
  return input.dtype === dtype ? input : apply("cast", [input], { dtype });
}

/** Whether a tensor holds numbers with a fraction. */
export function isFloatingPoint(input: Tensor): boolean {
  requireTensor("isFloatingPoint", input);
  return isFloat(input.dtype);
}

/** A number as a tensor of rank 0 and of `dtype`, by the rules for a single number that fills a tensor. */
export const filling = (callee: string, value: number, dtype: DType): Tensor =>
  constant(
    withOrigin(() => elementOf(callee, value, dtype, "refused")),
    dtype,
  );

/**
 * A number as a tensor of rank 0 that `like` can be combined with: a whole number stays one among integers and truths,
 * any other number is float32. JavaScript has one kind of number, so 2e7 is whole here, as it is not in Python.
 */
export function scalarLike(callee: string, value: number, like: Tensor): Tensor {
  const isWhole = Number.isInteger(value) && (like.dtype === "int32" || like.dtype === "bool");
  const dtype = isWhole ? "int32" : "float32";
  return constant(isWhole ? withOrigin(() => elementOf(callee, value, dtype)) : value, dtype);
}

/** All operands in the widest of their dtypes. */
export function promotedAll(operands: readonly Tensor[]): readonly Tensor[] {
  const ranks = operands.map((operand) => PUBLIC_DTYPES.indexOf(operand?.dtype));
  // What is no tensor is for the operation itself to refuse.
  if (ranks.includes(-1)) return operands;
  const dtype = PUBLIC_DTYPES[Math.max(...ranks)];
  return operands.map((operand) => to(operand, dtype));
}

/** Both operands in the wider of their dtypes. */
export const promoted = (a: Tensor, b: Tensor): readonly [Tensor, Tensor] =>
  promotedAll([a, b]) as readonly [Tensor, Tensor];

export type Relation = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** Whether `a relation b`, element by element, with broadcasting; bool. */
export function compared(a: Tensor, relation: Relation, b: Tensor | number): Tensor {
  if (typeof b !== "number" && typeof b !== "boolean") {
    requireTensor(relation, b);
    return apply("compare", promoted(a, b), { relation });
  }
  if (a.dtype === "float32") return apply("compare", [a, constant(Math.fround(b))], { relation });
  const whole = a.dtype === "bool" ? to(a, "int32") : a;
  return comparedWhole(whole, wholeComparison(relation, Number(b)));
}

/** A comparison of whole numbers with one of them, or one that always or never holds. */
type WholeComparison = readonly [Relation, number] | boolean;

/**
 * The equivalent of a comparison with any number for integers: float32, in which PyTorch compares them with a fraction,
 * cannot hold all of them.
 */
function wholeComparison(relation: Relation, bound: number): WholeComparison {
  switch (relation) {
    case "eq":
    case "ne":
      return isInt32(bound) ? [relation, bound] : relation === "ne";
    case "lt":
    case "ge": {
      const edge = Math.ceil(bound);
      return isInt32(edge) ? [relation, edge] : relation === "lt" ? edge > 0 : edge < 0;
    }
    case "le":
    case "gt": {
      const edge = Math.floor(bound);
      return isInt32(edge) ? [relation, edge] : relation === "le" ? edge > 0 : edge < 0;
    }
    default:
      return relation satisfies never;
  }
}

/** Whole numbers equal themselves, always. */
function comparedWhole(a: Tensor, comparison: WholeComparison): Tensor {
  if (typeof comparison === "boolean")
    return apply("compare", [a, a], { relation: comparison ? "eq" : "ne" });
  const [relation, bound] = comparison;
  return apply("compare", [a, constant(bound, "int32")], { relation });
}
