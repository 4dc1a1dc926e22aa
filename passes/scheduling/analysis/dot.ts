/** Recognises sums that lanes may share: the only one in a nest, whose innermost axis lies contiguous in all that it loads. */

import { isFloat } from "../../../src/core/dtype.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { forEachChild, someExpr } from "../../../src/loop/walk.ts";
import { dependsOn, type Reduce } from "./contraction.ts";
import { joinAxes } from "./join-loops.ts";
import { isContiguous, type Nest } from "./nest.ts";

/** The different sums in these values, those inside of other reductions left out. */
export function sumsIn(values: readonly Expr[]): Reduce[] {
  const sums = new Set<Reduce>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e) || e.kind === "load") return;
    seen.add(e);
    if (e.kind === "reduce" && e.op === "sum") sums.add(e);
    else if (e.kind !== "reduce") forEachChild(e, visit);
  };
  values.forEach(visit);
  return [...sums];
}

/** The one sum in a nest, and the same with its innermost axes joined where they are contiguous in all it loads. */
export function onlySum(nest: Nest): { readonly original: Reduce; readonly joined: Reduce } | undefined {
  const interner = new Interner();
  const [original, ...others] = sumsIn(nest.stores.map(({ value }) => interner.intern(value)));
  if (original === undefined || others.length > 0 || !isFloat(original.dtype)) return undefined;
  const joined = joinAxes(original);
  const inner = joined.axes.at(-1);
  return inner !== undefined && runsInLanes(joined.body, inner.name) ? { original, joined } : undefined;
}

const runsInLanes = (body: Expr, axis: string): boolean =>
  dependsOn(body, axis) &&
  !someExpr(body, (e) => {
    if (e.kind === "reduce") return true;
    if (!dependsOn(e, axis)) return false;
    if (e.kind === "load") return !isFloat(e.dtype) || !isContiguous(e.index, axis);
    return e.kind === "cast" || (e.kind === "compare" && !isFloat(e.a.dtype));
  });
