/** Recognises sums that lanes may share: the only one in a nest, whose innermost axis lies contiguous in all that it loads. */

import { isFloat } from "../../../src/core/dtype.ts";
import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { children, visitExpr } from "../../../src/loop/walk.ts";
import { dependsOn, type Reduce } from "./contraction.ts";
import { joinAxes } from "./join-axes.ts";
import type { Nest } from "./nest.ts";

/** The one sum in a nest, its innermost axes joined where they are contiguous in all it loads. */
export function onlySum(nest: Nest): { readonly original: Reduce; readonly joined: Reduce } | undefined {
  const interner = new Interner();
  const sums = new Set<Reduce>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e) || e.kind === "load") return;
    seen.add(e);
    if (e.kind === "reduce" && e.op === "sum") sums.add(e);
    else if (e.kind !== "reduce") children(e).forEach(visit);
  };
  for (const { value } of nest.stores) visit(interner.intern(value));
  const [original] = sums;
  if (sums.size !== 1 || !isFloat(original.dtype)) return undefined;
  const joined = joinAxes(original);
  const inner = joined.axes.at(-1);
  return inner !== undefined && runsInLanes(joined.body, inner.name) ? { original, joined } : undefined;
}

function runsInLanes(body: Expr, axis: string): boolean {
  let fits = dependsOn(body, axis);
  visitExpr(body, (e) => {
    if (e.kind === "reduce") fits = false;
    if (!dependsOn(e, axis)) return;
    if (e.kind === "load") {
      const form = toAffine(e.index);
      fits &&= isFloat(e.dtype) && coefficientOf(form, axis) === 1 && !occursInside(form, axis);
    } else if (e.kind === "cast" || (e.kind === "compare" && !isFloat(e.a.dtype))) fits = false;
  });
  return fits;
}
