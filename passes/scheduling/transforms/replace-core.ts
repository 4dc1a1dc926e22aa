/** Puts an accumulator where a contraction's sum stood, so that what remains of a store is its epilogue. */

import type { Expr } from "../../../src/loop/types.ts";
import { axesKey, rewriter } from "../../../src/loop/walk.ts";

/** `value` with every copy of the reduction `core` replaced; copies are told by their axes. */
export function replaceCore(value: Expr, core: Extract<Expr, { kind: "reduce" }>, replacement: Expr): Expr {
  const wanted = axesKey(core.axes);
  return rewriter((e) =>
    e.kind === "reduce" && e.op === "sum" && axesKey(e.axes) === wanted ? replacement : e,
  )(value);
}
