/**
 * Where languages that compute in double precision must round to get float32's numbers: after every operation whose
 * result may not be a float32, but not within a sum over a loop. Products of two float32 are exact in double precision;
 * they are summed there, and what is added to the whole sum, such as a bias, is added before rounding.
 */

import { isFloat } from "../core/dtype.ts";
import type { Expr, Kernel } from "./types.ts";
import { ownExpressions, visitExpr, visitStatements } from "./walk.ts";

/** Between minus this and this every integer is a float32. */
export const EXACT_WHOLE = 2 ** 24;

/** The accumulators of a kernel that add up float32 numbers. */
export interface Sums {
  has(name: string): boolean;
  /** Whether it is a sum that is not used elsewhere, so that more may be added: others are stored as they are. */
  isOpen(e: Expr): e is Extract<Expr, { kind: "local" }>;
}

export function sumsOf({ body }: Kernel): Sums {
  const sums = new Set<string>();
  const stored = new Set<string>();
  visitStatements(body, (s) => {
    if (s.kind === "assign" && isFloat(s.value.dtype) && addsUp(s.value)) sums.add(s.name);
    if (s.kind === "store" && s.value.kind === "local") stored.add(s.value.name);
  });
  return {
    has: (name) => sums.has(name),
    isOpen: (e): e is Extract<Expr, { kind: "local" }> =>
      e.kind === "local" && sums.has(e.name) && !stored.has(e.name),
  };
}

/** Whether an accumulator with this new value adds up: it is a sum, or one of two that a condition selects. */
const addsUp = (e: Expr): boolean =>
  e.kind === "binary"
    ? e.op === "add" || e.op === "sub"
    : e.kind === "select" && (addsUp(e.a) || addsUp(e.b));

/** Whether an operation on float32 numbers may have a result in double precision that is not a float32. */
export function isRounded(e: Extract<Expr, { kind: "unary" | "binary" }>): boolean {
  if (!isFloat(e.dtype)) return false;
  switch (e.op) {
    case "neg":
    case "abs":
    case "sign":
    case "floor":
    case "ceil":
    case "trunc":
    case "round":
    case "max":
    case "min":
      return false;
    default:
      return true;
  }
}

/** The scalars that a kernel reads as integers: all others are float32. */
export function wholeScalarsOf({ body }: Kernel): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (e.kind === "scalar" && !isFloat(e.dtype)) names.add(e.name);
  };
  visitStatements(body, (s) => {
    for (const own of ownExpressions(s)) visitExpr(own, visit, seen);
  });
  return names;
}
