/** How long a kernel takes, roughly: enough to tell whether dividing its work pays, not to choose between schedules. */

import { isFloat } from "../../src/core/dtype.ts";
import type { Machine, Times } from "../../src/loop/machine.ts";
import type { Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { nested, ownExpressions, visitExpr } from "../../src/loop/walk.ts";

/** Nanoseconds of one run on one thread: by the cost model's estimate, in vector multiply-adds of a full tile, or counted. */
export const kernelTime = (kernel: Kernel, { vectorWidth, tileGflops, times }: Machine): number =>
  kernel.estimate === undefined
    ? bodyTime(kernel.body, vectorWidth, times, times.scalar)
    : (2 * vectorWidth * kernel.estimate) / tileGflops;

function bodyTime(body: readonly Stmt[], width: number, times: Times, each: number): number {
  const seen = new Set<Expr>();
  return body.reduce((sum, s) => {
    const own = ownExpressions(s).reduce((n, e) => n + operations(e, seen), 0);
    const stores = s.kind === "store" ? 1 : s.kind === "append" ? s.values.length : 0;
    const time = sum + each * (own + stores);
    if (s.kind !== "for") return time + bodyTime(nested(s), width, times, each);
    const most = typeof s.extent === "number" ? s.extent : (s.extent.usual ?? s.extent.most);
    const together = s.loop === "vector" && width > 1;
    const iterations = together ? Math.ceil(most / width) : most;
    return (
      time + iterations * (times.iteration + bodyTime(s.body, width, times, together ? times.vector : each))
    );
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
