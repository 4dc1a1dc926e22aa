/** Finds the buffers and scalars that statements use: what a kernel must declare. */

import type { BufferParam, Expr, Kernel, Stmt } from "./types.ts";
import { ownExpressions, visitExpr, visitStatements } from "./walk.ts";

export interface UsedBuffers {
  readonly loaded: ReadonlySet<string>;
  readonly stored: ReadonlySet<string>;
  readonly scalars: ReadonlySet<string>;
}

/** Buffers and scalars that statements use. */
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

/** The kernel with another body, which declares what that uses of `buffers` and of the scalars. */
export function withBody(kernel: Kernel, buffers: readonly BufferParam[], body: readonly Stmt[]): Kernel {
  const { loaded, stored, scalars } = usedBuffers(body);
  return {
    ...kernel,
    buffers: buffers.filter(({ name }) => loaded.has(name) || stored.has(name)),
    scalars: [...scalars],
    body,
  };
}
