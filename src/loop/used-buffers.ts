/** Which buffers and scalars statements touch: what a kernel must declare. */

import type { Expr, Stmt } from "./types.ts";
import { ownExpressions, visitExpr, visitStatements } from "./walk.ts";

export interface UsedBuffers {
  readonly loaded: ReadonlySet<string>;
  readonly stored: ReadonlySet<string>;
  readonly scalars: ReadonlySet<string>;
}

/** Buffers and scalars that statements touch. */
export function usedBuffers(body: readonly Stmt[]): UsedBuffers {
  const loaded = new Set<string>();
  const stored = new Set<string>();
  const scalars = new Set<string>();
  const seen = new Set<Expr>();
  const expression = (e: Expr): void =>
    visitExpr(
      e,
      (node) => {
        if (node.kind === "load") loaded.add(node.buffer);
        if (node.kind === "scalar") scalars.add(node.name);
      },
      seen,
    );
  visitStatements(body, (s) => {
    ownExpressions(s).forEach(expression);
    if (s.kind === "store") stored.add(s.buffer);
    if (s.kind === "append") for (const { buffer } of s.values) stored.add(buffer);
  });
  return { loaded, stored, scalars };
}
