/** Keeps lowered text as short as the graph it comes from: what several results share gets a name. */

import { isFloat } from "../../src/core/dtype.ts";
import { local } from "../../src/loop/build.ts";
import { Interner } from "../../src/loop/intern.ts";
import type { Expr, Stmt } from "../../src/loop/types.ts";
import { children, mapChildren } from "../../src/loop/walk.ts";

/**
 * Names what several results share, so that the text of a long elementwise chain stays as long as the chain;
 * with `all`, every result gets a name.
 */
export function bindShared(results: readonly Expr[], all: boolean): { lets: Stmt[]; bound: Expr[] } {
  const interner = new Interner();
  const roots = results.map((e) => interner.intern(e));
  const uses = new Map<Expr, number>();
  const count = (e: Expr): void => {
    const known = uses.get(e) ?? 0;
    uses.set(e, known + 1);
    if (known === 0 && e.kind !== "load" && e.kind !== "reduce") children(e).forEach(count);
  };
  roots.forEach(count);
  const lets: Stmt[] = [];
  const names = new Map<Expr, Expr>();
  const name = (e: Expr, value: Expr): Expr => {
    const result = local(`v${lets.length}`, e.dtype);
    lets.push({ kind: "let", name: result.kind === "local" ? result.name : "", value });
    names.set(e, result);
    return result;
  };
  const bind = (e: Expr): Expr => {
    const known = names.get(e);
    if (known !== undefined) return known;
    // A guard protects the loads behind it; random words need no guard.
    if (e.kind === "load" || e.kind === "reduce" || (e.kind === "select" && e.dtype !== "uint32")) return e;
    const value = mapChildren(e, bind);
    const isWork =
      e.kind === "unary" ||
      e.kind === "compare" ||
      (e.kind === "binary" && (isFloat(e.dtype) || e.dtype === "uint32"));
    return isWork && (uses.get(e) ?? 0) > 1 ? name(e, value) : value;
  };
  const bound = roots.map((e) => {
    const value = bind(e);
    return all && value.kind !== "local" && value.kind !== "const" ? name(e, value) : value;
  });
  return { lets, bound };
}
