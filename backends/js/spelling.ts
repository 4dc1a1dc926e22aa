/** How single things are spelled in JavaScript: names, numbers, comparisons, rounding. */

import type { CompareOp, Expr } from "../../src/loop/types.ts";

export const COMPARE: Record<CompareOp, string> = {
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "===",
  ne: "!==",
};

export const fround = (text: string): string => `Math.fround(${text})`;

export const isWhole = ({ dtype }: Expr): boolean =>
  dtype === "int32" || dtype === "uint32" || dtype === "uint8";

export const mangle = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, "_");

export function number(value: number, isBool: boolean): string {
  if (isBool) return value !== 0 ? "true" : "false";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return Object.is(value, -0) ? "-0" : String(value);
}
