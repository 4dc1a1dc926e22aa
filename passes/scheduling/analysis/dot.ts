/**
 * Recognises sums that lanes may share: the only one in a nest,
 * whose innermost axis is contiguous in everything it loads.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { outermost, someExpr } from "../../../src/loop/walk.ts";
import { dependsOn, type Reduce } from "./contraction.ts";
import { joinAxes } from "./join-loops.ts";
import { isContiguous, type Nest } from "./nest.ts";

/** The different sums in these values, without those inside other reductions. */
export const sumsIn = (values: readonly Expr[]): Reduce[] =>
  outermost(values, (e) => e.kind === "reduce").filter(
    (e): e is Reduce => e.kind === "reduce" && e.op === "sum",
  );

/** The one sum in a nest, if lanes may share it once its contiguous innermost axes are joined. */
export function onlySum(nest: Nest): Reduce | undefined {
  const interner = new Interner();
  const [sum, ...others] = sumsIn(nest.stores.map(({ value }) => interner.intern(value)));
  if (sum === undefined || others.length > 0 || !isFloat(sum.dtype)) return undefined;
  const joined = joinAxes(sum);
  const inner = joined.axes.at(-1);
  return inner !== undefined && runsInLanes(joined.body, inner.name) ? sum : undefined;
}

const runsInLanes = (body: Expr, axis: string): boolean =>
  dependsOn(body, axis) &&
  !someExpr(body, (e) => {
    if (e.kind === "reduce") return true;
    if (!dependsOn(e, axis)) return false;
    if (e.kind === "load") return !isFloat(e.dtype) || !isContiguous(e.index, axis);
    return e.kind === "cast" || (e.kind === "compare" && !isFloat(e.a.dtype));
  });
