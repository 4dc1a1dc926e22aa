/** How long a kernel takes, roughly: enough to tell whether dividing its work pays, not to choose between schedules. */

import type { Expr, Kernel, Stmt } from "../src/loop/types.ts";
import { children, nested, ownExpressions } from "../src/loop/walk.ts";

/** Nanoseconds for a load, a store or a float operation, of one element or of a vector. */
const SCALAR = 0.25;
const VECTOR = 0.1;

/** Nanoseconds for a turn of a loop. */
const TURN = 0.5;

/** Nanoseconds of one run on one thread of a backend with vectors of `width`. */
export const kernelTime = (kernel: Kernel, width: number): number => bodyTime(kernel.body, width, SCALAR);

function bodyTime(body: readonly Stmt[], width: number, each: number): number {
  const seen = new Set<Expr>();
  return body.reduce((sum, s) => {
    const own = ownExpressions(s).reduce((n, e) => n + operations(e, seen), 0);
    const stores = s.kind === "store" ? 1 : s.kind === "append" ? s.values.length : 0;
    const time = sum + each * (own + stores);
    if (s.kind !== "for") return time + bodyTime(nested(s), width, each);
    const most = typeof s.extent === "number" ? s.extent : (s.extent.usual ?? s.extent.most);
    const together = s.loop === "vector" && width > 1;
    const turns = together ? Math.ceil(most / width) : most;
    return time + turns * (TURN + bodyTime(s.body, width, together ? VECTOR : each));
  }, 0);
}

function operations(e: Expr, seen: Set<Expr>): number {
  if (seen.has(e)) return 0;
  seen.add(e);
  const own =
    e.kind === "load" || (e.dtype === "float32" && (e.kind === "binary" || e.kind === "unary")) ? 1 : 0;
  return children(e).reduce((n, child) => n + operations(child, seen), own);
}
