/**
 * A rough estimate of a kernel's time: enough to decide whether
 * dividing its work pays, not to choose between schedules.
 */

import { isFloat } from "../../src/core/dtype.ts";
import type { Machine, Times } from "../../src/loop/machine.ts";
import type { Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { nested, ownExpressions, visitExpr } from "../../src/loop/walk.ts";

/**
 * Nanoseconds of one run on one thread: by the cost model's estimate, in vector multiply-adds of a full tile, or
 * counted; plus the time of functions such as `exp`, which the estimate counts as one operation.
 */
export const kernelTime = ({ body, estimate }: Kernel, { vectorWidth, tileGflops, times }: Machine): number =>
  functionTime(body, vectorWidth, times.functions) +
  (estimate === undefined
    ? bodyTime(body, vectorWidth, times, times.scalar)
    : (2 * vectorWidth * estimate) / tileGflops);

function functionTime(body: readonly Stmt[], width: number, functions: Times["functions"]): number {
  const seen = new Set<Expr>();
  return body.reduce((sum, s) => {
    let own = 0;
    const note = (e: Expr): void => {
      if ((e.kind === "unary" || e.kind === "binary") && isFloat(e.dtype)) own += functions[e.op] ?? 0;
    };
    for (const e of ownExpressions(s)) visitExpr(e, note, seen);
    const inside = nested(s);
    if (inside.length === 0) return sum + own;
    return (
      sum + own + (s.kind === "for" ? iterationsOf(s, width) : 1) * functionTime(inside, width, functions)
    );
  }, 0);
}

/** How often a loop's body runs, lanes together. */
function iterationsOf({ extent, loop }: Extract<Stmt, { kind: "for" }>, width: number): number {
  const most = typeof extent === "number" ? extent : (extent.usual ?? extent.most);
  return loop === "vector" && width > 1 ? Math.ceil(most / width) : most;
}

function bodyTime(body: readonly Stmt[], width: number, times: Times, each: number): number {
  const seen = new Set<Expr>();
  return body.reduce((sum, s) => {
    const own = ownExpressions(s).reduce((n, e) => n + operations(e, seen), 0);
    const stores = s.kind === "store" ? 1 : s.kind === "append" ? s.values.length : 0;
    const time = sum + each * (own + stores);
    if (s.kind !== "for") return time + bodyTime(nested(s), width, times, each);
    const together = s.loop === "vector" && width > 1;
    const inside = bodyTime(s.body, width, times, together ? times.vector : each);
    return time + iterationsOf(s, width) * (times.iteration + inside);
  }, 0);
}

function operations(e: Expr, seen: Set<Expr>): number {
  let count = 0;
  const note = ({ kind, dtype }: Expr): void => {
    if (kind === "load" || (isFloat(dtype) && (kind === "binary" || kind === "unary"))) count++;
  };
  visitExpr(e, note, seen);
  return count;
}
