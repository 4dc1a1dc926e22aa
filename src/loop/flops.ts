/** Counts the floating-point operations that statements execute, multiply-add as two. */

import type { Expr, Stmt } from "./types.ts";
import { children, ownExpressions } from "./walk.ts";

/**
 * Operations of one run. Loops to a counted extent count in full, so that lists are an upper bound; an
 * expression shared by several stores of one loop body counts once, as it is computed once.
 */
export function countFlops(body: readonly Stmt[]): number {
  return countBody(body, new Set());
}

function countBody(body: readonly Stmt[], seen: Set<string | Expr>): number {
  return body.reduce((sum, s) => {
    const own = ownExpressions(s).reduce((n, e) => n + countExpr(e, seen), 0);
    switch (s.kind) {
      case "for":
        return (
          sum + own + countBody(s.body, new Set()) * (typeof s.extent === "number" ? s.extent : s.extent.most)
        );
      case "if":
      case "section":
        return sum + own + countBody(s.body, seen);
      case "let":
      case "accumulator":
      case "assign":
      case "store":
      case "append":
        return sum + own;
      default:
        return s satisfies never;
    }
  }, 0);
}

function countExpr(e: Expr, seen: Set<string | Expr>): number {
  if (e.kind === "load") return 0;
  if (seen.has(e)) return 0;
  seen.add(e);
  if (e.kind === "reduce") {
    const key = `${e.axes.map((axis) => `${axis.name}<${axis.extent}`)}|${bodyKey(e.body)}`;
    if (seen.has(key)) return 0;
    seen.add(key);
    const turns = e.axes.reduce((n, axis) => n * axis.extent, 1);
    return turns * (countExpr(e.body, new Set()) + (e.body.dtype === "float32" ? 1 : 0));
  }
  const own = e.dtype === "float32" && (e.kind === "binary" || e.kind === "unary") ? 1 : 0;
  return children(e).reduce((n, child) => n + countExpr(child, seen), own);
}

/** Enough of a reduction's body to tell a maximum and its position over the same values apart from others. */
const bodyKey = (e: Expr): string => {
  const kinds: string[] = [];
  const walk = (node: Expr, depth: number): void => {
    kinds.push(node.kind === "load" ? `load ${node.buffer}` : node.kind);
    if (depth < 12) for (const child of children(node)) walk(child, depth + 1);
  };
  walk(e, 0);
  return kinds.join();
};
