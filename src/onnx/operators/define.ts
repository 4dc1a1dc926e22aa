/** Helpers for definitions of operators. */

import { normalizeAxis } from "../../core/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Constant } from "../constant.ts";
import { infoOf } from "../element-types.ts";
import { combined } from "../known-arrays.ts";
import type { Operator } from "../operator.ts";

/** An operator on the elements of one tensor, and on known numbers, to compute shapes. */
export const unary = (
  name: string,
  compute: (x: Tensor) => Tensor,
  known?: (x: number) => number,
  more: Partial<Operator> = {},
): Operator => ({
  name,
  run: (call) => compute(call.tensor(0)),
  ...(known && { fold: (call: Call) => combined(call.type, [call.constant(0)], known) }),
  ...more,
});

/** The axis in an attribute, counted from the front. */
export const axisOf = (call: Call, rank: number, name = "axis", fallback?: number): number =>
  normalizeAxis(call.int(name, fallback), rank);

/** Axes counted from the front. */
export const axesOf = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => normalizeAxis(axis, rank));

/** Whether the numbers of a constant are whole. */
export const isWhole = ({ type }: Constant): boolean => infoOf(type).dtype === "int32";
