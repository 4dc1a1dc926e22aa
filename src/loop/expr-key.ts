/**
 * Texts by which equal expressions are recognised. Expressions are graphs that
 * share their parts: written out as trees, a chain of thirty steps that each use a
 * value twice would be exponentially long, so large ones are written part by part.
 */

import { Interner } from "./intern.ts";
import { printExpr } from "./print.ts";
import { areLargerThan } from "./tree-size.ts";
import type { Expr } from "./types.ts";

/** Larger expressions are written part by part. */
const LARGE = 200;

const keys = new WeakMap<Expr, string>();

/** The same text for equal expressions, and for no others; its length is that of the expression's distinct parts. */
export function exprKey(e: Expr): string {
  if (e.kind === "var" || e.kind === "local") return e.name;
  let key = keys.get(e);
  if (key === undefined) {
    key = areLargerThan([e], LARGE) ? new Interner().describe(e) : printExpr(e);
    keys.set(e, key);
  }
  return key;
}
