/** Spells single things in JavaScript: names, numbers, comparisons, rounding. */

import { kindOf, roundTo } from "../../src/core/dtype.ts";
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

export const isWhole = ({ dtype }: Expr): boolean => ["int", "word"].includes(kindOf(dtype));

export const mangle = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, "_");

/** A constant; words as the signed number with the same bits, float32 as the number that it holds. */
export function number(given: number, dtype: ExprType): string {
  switch (dtype) {
    case "uint32":
      return `${given | 0}`;
    case "bool":
      return given !== 0 ? "true" : "false";
    case "int32":
    case "uint8":
    case "float32":
      return literal(roundTo(given, dtype));
    default:
      return dtype satisfies never;
  }
}

function literal(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return Object.is(value, -0) ? "-0" : String(value);
}
