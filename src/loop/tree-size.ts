/** The size of expressions without sharing: it decides whether they may be walked or written as trees. */

import type { Expr } from "./types.ts";
import { children } from "./walk.ts";

/** Whether expressions, written out as trees, have more than `most` nodes together; visits no more than that. */
export function areLargerThan(roots: readonly Expr[], most: number): boolean {
  let left = most;
  for (const root of roots) left = without(root, left);
  return left < 0;
}

/** What remains of `most` nodes after subtracting those of `e`; stops visiting below 0. */
function without(e: Expr, most: number): number {
  const left = most - 1;
  if (left < 0) return left;
  switch (e.kind) {
    case "const":
    case "var":
    case "local":
    case "scalar":
      return left;
    case "load":
      return without(e.index, left);
    case "binary":
    case "compare": {
      const rest = without(e.a, left);
      return rest < 0 ? rest : without(e.b, rest);
    }
    default: {
      let rest = left;
      for (const child of children(e)) rest = without(child, rest);
      return rest;
    }
  }
}
