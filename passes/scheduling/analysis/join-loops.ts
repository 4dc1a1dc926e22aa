/**
 * Joins adjacent loops that all loads and stores step through as if
 * they were one, which turns several short loops into a long one.
 */

import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { int } from "../../../src/loop/build.ts";
import type { Expr, ReduceAxis } from "../../../src/loop/types.ts";
import { forEachChild, substitute } from "../../../src/loop/walk.ts";
import type { Reduce } from "./contraction.ts";
import { mapStores, type Nest } from "./nest.ts";

/** The nest with its innermost loops joined as long as every load and store steps through them as through one. */
export function joinLoops(nest: Nest): Nest {
  const { loops, stores } = nest;
  const [outer, inner] = loops.slice(-2);
  const values = stores.map(({ value }) => value);
  const indices = stores.map(({ index }) => index);
  if (inner === undefined || !stepTogether(outer, inner, values, indices)) return nest;
  const joined = { ...inner, extent: outer.extent * inner.extent };
  const still = new Map([[outer.name, int(0)]]);
  return joinLoops({
    ...mapStores(nest, (e) => substitute(e, still)),
    loops: [...loops.slice(0, -2), joined],
  });
}

/** The same for the axes of a sum. */
export function joinAxes(sum: Reduce): Reduce {
  const [outer, inner] = sum.axes.slice(-2);
  if (inner === undefined || !stepTogether(outer, inner, [sum.body])) return sum;
  const joined = { name: inner.name, extent: outer.extent * inner.extent };
  const body = substitute(sum.body, new Map([[outer.name, int(0)]]));
  return joinAxes({ ...sum, axes: [...sum.axes.slice(0, -2), joined], body });
}

/** Whether only indices depend on two loops, and each index steps through them as through one. */
function stepTogether(
  outer: ReduceAxis,
  inner: ReduceAxis,
  values: readonly Expr[],
  indices: readonly Expr[] = [],
): boolean {
  const isJoint = (index: Expr): boolean => {
    const form = toAffine(index);
    return (
      !occursInside(form, outer.name) &&
      !occursInside(form, inner.name) &&
      coefficientOf(form, outer.name) === inner.extent * coefficientOf(form, inner.name)
    );
  };
  let together = indices.every(isJoint);
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (!together || seen.has(e)) return;
    seen.add(e);
    if (e.kind === "var") together = e.name !== outer.name && e.name !== inner.name;
    if (e.kind === "load") together = isJoint(e.index);
    else forEachChild(e, visit);
  };
  values.forEach(visit);
  return together;
}
