/** How single things are spelled in JavaScript: names, numbers, comparisons, rounding. */

import type { CompareOp, Expr, ExprType } from "../../src/loop/types.ts";

export const COMPARE: Record<CompareOp, string> = {
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "===",
  ne: "!==",
};

/** The binding strength of `>>>`: comparisons are weaker, sums are stronger. */
export const SHIFT = 3;

export const fround = (text: string): string => `Math.fround(${text})`;

export const isWhole = ({ dtype }: Expr): boolean =>
  dtype === "int32" || dtype === "uint32" || dtype === "uint8";

export const mangle = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, "_");

/** A constant; of words the bits as a signed number, of float32 the number that it holds. */
export function number(given: number, dtype: ExprType): string {
  if (dtype === "uint32") return `${given | 0}`;
  if (dtype === "bool") return given !== 0 ? "true" : "false";
  const value = dtype === "float32" ? Math.fround(given) : given;
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return Object.is(value, -0) ? "-0" : String(value);
}
