/** Joins neighbouring grid loops that everything they touch steps through as through one, which gives lanes a long loop. */

import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { int } from "../../../src/loop/build.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { children, substitute } from "../../../src/loop/walk.ts";
import type { GridLoop, Nest } from "../analysis/nest.ts";

/** The nest with its innermost loops as one for as long as every load and store steps through them as through one. */
export function joinLoops(nest: Nest): Nest {
  const [outer, inner] = nest.loops.slice(-2);
  if (inner === undefined || !nest.stores.every((s) => stepTogether(s.index, s.value, outer, inner)))
    return nest;
  const still = new Map([[outer.name, int(0)]]);
  const joined = { ...inner, extent: outer.extent * inner.extent };
  return joinLoops({
    ...nest,
    loops: [...nest.loops.slice(0, -2), joined],
    stores: nest.stores.map(({ buffer, index, value }) => ({
      buffer,
      index: substitute(index, still),
      value: substitute(value, still),
    })),
  });
}

function stepTogether(place: Expr, value: Expr, outer: GridLoop, inner: GridLoop): boolean {
  let together = true;
  const index = (e: Expr): void => {
    const form = toAffine(e);
    together &&= !occursInside(form, outer.name) && !occursInside(form, inner.name);
    together &&= coefficientOf(form, outer.name) === inner.extent * coefficientOf(form, inner.name);
  };
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "var") together &&= e.name !== outer.name && e.name !== inner.name;
    if (e.kind === "load") index(e.index);
    else children(e).forEach(visit);
  };
  index(place);
  visit(value);
  return together;
}
