/** What nests cost that run without tiles, loop by loop or in lanes. */

import { countFlops } from "../../../src/loop/flops.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Expr, Stmt } from "../../../src/loop/types.ts";
import { children } from "../../../src/loop/walk.ts";
import { dependsOn } from "../analysis/contraction.ts";
import { type Lanes, lanePartsOf, vectorCount } from "../analysis/lanes.ts";
import type { Nest } from "../analysis/nest.ts";

/**
 * The cost of a nest whose innermost loop runs in `lanes`, or one by one without them. Sums that the innermost loop leaves
 * alone are computed once before it: once for each part that lanes cut it into.
 */
export function nestCost({ costs: { loop } }: Machine, { loops, stores }: Nest, lanes?: Lanes): number {
  const innermost = loops.at(-1);
  const outer = loops.slice(0, -1).reduce((n, { extent }) => n * extent, 1);
  const iterations = lanes === undefined ? (innermost?.extent ?? 1) : vectorCount(lanes);
  const parts = lanes === undefined ? 1 : lanePartsOf(lanes).length;
  const each = flopsOf(stores.map(({ value }) => value));
  const before = innermost === undefined ? 0 : flopsOf(sumsBefore(stores, innermost.name));
  const flops = parts * before + iterations * (each - before);
  return outer * (loop.operation * flops + loop.store * iterations * stores.length);
}

const flopsOf = (values: readonly Expr[]): number =>
  countFlops(values.map((value): Stmt => ({ kind: "let", name: "_", value })));

/** The reductions in `stores` that do not move with `loop`. */
function sumsBefore(stores: Nest["stores"], loop: string): Expr[] {
  const found = new Set<Expr>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e) || e.kind === "load") return;
    seen.add(e);
    if (e.kind === "reduce" && !dependsOn(e, loop)) found.add(e);
    else children(e).forEach(visit);
  };
  for (const { value } of stores) visit(value);
  return [...found];
}
