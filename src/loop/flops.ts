/** Counts the floating-point operations that statements execute, multiply-add as two. */

import { isFloat } from "../core/dtype.ts";
import { likenessOf } from "./alike.ts";
import { Interner } from "./intern.ts";
import type { Expr, Kernel, Stmt } from "./types.ts";
import { children, nested, ownExpressions } from "./walk.ts";

/**
 * Operations of one run. Lists of winners count as full, including dead entries; statements under an `if` are
 * the exception and do not count; an expression shared by several stores of one loop body counts once, as it is
 * computed once.
 */
export function countFlops(body: readonly Stmt[]): number {
  return new FlopCounter().body(body, new Set());
}

/** The same for a kernel. Counted once for all kernels that are alike: figures and drawings ask several times. */
export function flopsOf(kernel: Kernel): number {
  const first = likenessOf(kernel)?.of ?? kernel;
  const known = counted.get(first);
  if (known !== undefined) return known;
  const count = countFlops(first.body);
  counted.set(first, count);
  return count;
}

const counted = new WeakMap<Kernel, number>();

class FlopCounter {
  private readonly interner = new Interner();
  private readonly iterations = new Map<Expr, number>();

  body(body: readonly Stmt[], seen: Set<Expr>): number {
    return body.reduce((sum, s) => {
      const own = ownExpressions(s).reduce((n, e) => n + this.expression(this.interner.intern(e), seen), 0);
      if (s.kind === "if") return sum + own;
      const iterations = s.kind === "for" ? iterationsOf(s.extent) : 1;
      return sum + own + iterations * this.body(nested(s), s.kind === "for" ? new Set() : seen);
    }, 0);
  }

  /** A maximum and its position over one body are found in one loop: the body counts once. */
  private expression(e: Expr, seen: Set<Expr>): number {
    if (e.kind === "load" || seen.has(e)) return 0;
    seen.add(e);
    if (e.kind === "reduce") {
      if (seen.has(e.body)) return 0;
      seen.add(e.body);
      const iterations = e.axes.reduce((n, axis) => n * axis.extent, 1);
      return iterations * (this.iteration(e.body) + (isFloat(e.body.dtype) ? 1 : 0));
    }
    const own = isFloat(e.dtype) && (e.kind === "binary" || e.kind === "unary") ? 1 : 0;
    return children(e).reduce((n, child) => n + this.expression(child, seen), own);
  }

  /** One iteration of a reduction; reductions inside of others may share theirs. */
  private iteration(body: Expr): number {
    const known = this.iterations.get(body);
    if (known !== undefined) return known;
    const count = this.expression(body, new Set());
    this.iterations.set(body, count);
    return count;
  }
}

const iterationsOf = (extent: Extract<Stmt, { kind: "for" }>["extent"]): number =>
  typeof extent === "number" ? extent : (extent.usual ?? extent.most);
