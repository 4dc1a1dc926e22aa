/**
 * Texts by which equal expressions are recognised. Expressions are graphs that share their parts: written out as trees, a
 * chain of thirty steps that each use a value twice would never end, so large ones are written part by part.
 */

import { Interner } from "./intern.ts";
import { printExpr } from "./print.ts";
import { areLargerThan } from "./tree-size.ts";
import type { Expr } from "./types.ts";

/** Expressions of more nodes are written part by part. */
const LARGE = 200;

const keys = new WeakMap<Expr, string>();

/** The same text for equal expressions, and for no others; as long as the expression has different parts. */
export function exprKey(e: Expr): string {
  if (e.kind === "var" || e.kind === "local") return e.name;
  let key = keys.get(e);
  if (key === undefined) {
    key = areLargerThan([e], LARGE) ? new Interner().describe(e) : printExpr(e);
    keys.set(e, key);
  }
  return key;
}
