/** How the losses of all elements become one number: their mean or sum, or not at all. Shared by all loss ops. */

import { type Shape, sizeOf } from "../core/shape.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { float, mul, reduce } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { text } from "./definition.ts";
import { generate, type NdArray, sumOver } from "./ndarray.ts";

export const REDUCTIONS = ["mean", "sum", "none"];
export const REDUCTION = "`reduction` is mean, sum or none.";
export const REDUCTION_KIND = { kind: "text", among: REDUCTIONS } as const;

/** The type of a loss whose elements have the given shape. */
export function reducedType(shape: Shape, attrs: Attrs): TensorType {
  return { dtype: "float32", shape: text(attrs, "reduction") === "none" ? shape : [] };
}

/** The weight of each element's loss in the reduced one. */
export const weightOf = (shape: Shape, attrs: Attrs): number =>
  text(attrs, "reduction") === "mean" ? 1 / sizeOf(shape) : 1;

/** The sum over all indices of `shape`. */
export const sumExpression = (shape: Shape, element: (indices: readonly Expr[]) => Expr): Expr =>
  reduce(
    "sum",
    shape.map((extent, axis) => ({ name: `s${axis}`, extent })),
    element,
  );

/** Lowers a per-element loss to its mean, sum or itself. */
export function lowerReduced(shape: Shape, attrs: Attrs, element: (indices: readonly Expr[]) => Expr) {
  if (text(attrs, "reduction") === "none") return element;
  return (): Expr => mul(sumExpression(shape, element), float(weightOf(shape, attrs)));
}

/** The same on plain numbers. */
export function referenceReduced(
  shape: Shape,
  attrs: Attrs,
  element: (index: readonly number[]) => number,
): NdArray {
  if (text(attrs, "reduction") === "none") return generate(shape, element);
  return { shape: [], data: Float64Array.of(sumOver(shape, element) * weightOf(shape, attrs)) };
}
