/**
 * The text of statements whose expressions share parts: what is used several times is written once, on a line before,
 * as `%0 := x[i0] * 2.0`. Written out in place, a chain of thirty steps that use a value twice would fill the memory.
 */

import { areLargerThan } from "./tree-size.ts";
import type { Expr, Stmt } from "./types.ts";
import { children, forEachChild, freeNames, ownExpressions } from "./walk.ts";

/** Smaller statements are written without shared parts. */
const LARGE = 400;

interface SharedParts {
  /** The names of the parts in the statement and in each other. */
  readonly names: ReadonlyMap<Expr, string>;
  /** Their definitions, each in terms of earlier ones. */
  readonly lines: readonly string[];
}

const NOTHING: SharedParts = { names: new Map(), lines: [] };

/**
 * The parts of a statement that are written before it; `print` writes an expression in terms of those that have names.
 */
export function sharedParts(
  s: Stmt,
  print: (e: Expr, names: ReadonlyMap<Expr, string>) => string,
): SharedParts {
  const roots = ownExpressions(s);
  if (!areLargerThan(roots, LARGE)) return NOTHING;
  const uses = new Map<Expr, number>();
  const order: Expr[] = [];
  const axes = new Set<string>();
  const visit = (e: Expr): void => {
    const count = uses.get(e) ?? 0;
    uses.set(e, count + 1);
    if (count > 0) return;
    if (e.kind === "reduce") for (const { name } of e.axes) axes.add(name);
    forEachChild(e, visit);
    order.push(e);
  };
  roots.forEach(visit);
  const names = new Map<Expr, string>();
  const lines: string[] = [];
  for (const e of order) {
    if (uses.get(e) === 1 || children(e).length === 0) continue;
    const text = print(e, names);
    const inside = [...freeNames(e)].filter((name) => axes.has(name));
    const name = `%${names.size}`;
    lines.push(`${name}${inside.length === 0 ? "" : ` in ${inside.join(", ")}`} := ${text}`);
    names.set(e, name);
  }
  return { names, lines };
}
