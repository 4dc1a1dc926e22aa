/** Joins reduction axes that every load steps through as through one, which makes one long loop of several short ones. */

import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { int } from "../../../src/loop/build.ts";
import type { Expr, ReduceAxis } from "../../../src/loop/types.ts";
import { children, substitute } from "../../../src/loop/walk.ts";
import type { Reduce } from "./contraction.ts";

/** The sum with its innermost axes as one for as long as every load steps through them as through one. */
export function joinAxes(sum: Reduce): Reduce {
  const [outer, inner] = sum.axes.slice(-2);
  if (inner === undefined || !stepTogether(sum.body, outer, inner)) return sum;
  const body = substitute(sum.body, new Map([[outer.name, int(0)]]));
  const axis = { name: inner.name, extent: outer.extent * inner.extent };
  return joinAxes({ ...sum, axes: [...sum.axes.slice(0, -2), axis], body });
}

function stepTogether(body: Expr, outer: ReduceAxis, inner: ReduceAxis): boolean {
  let together = true;
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "var") together &&= e.name !== outer.name && e.name !== inner.name;
    if (e.kind !== "load") {
      children(e).forEach(visit);
      return;
    }
    const form = toAffine(e.index);
    together &&= !occursInside(form, outer.name) && !occursInside(form, inner.name);
    together &&= coefficientOf(form, outer.name) === inner.extent * coefficientOf(form, inner.name);
  };
  visit(body);
  return together;
}
