/** Puts an accumulator where a contraction's sum stood, so that what remains of a store is its epilogue. */

import type { Expr } from "../../src/loop/types.ts";
import { rewriter } from "../../src/loop/walk.ts";

/** `value` with every copy of the reduction `core` replaced; copies are told by their axes. */
export function replaceCore(value: Expr, core: Extract<Expr, { kind: "reduce" }>, replacement: Expr): Expr {
  const key = (e: Extract<Expr, { kind: "reduce" }>): string =>
    e.axes.map((a) => `${a.name}<${a.extent}`).join();
  const wanted = key(core);
  return rewriter((e) => (e.kind === "reduce" && e.op === "sum" && key(e) === wanted ? replacement : e))(
    value,
  );
}
