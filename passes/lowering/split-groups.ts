/**
 * A loop over channels from which a sum computes the group and the position within
 * the group, as in grouped convolutions, becomes two: then all its factors are
 * affine in loops, and data that serves a whole group is recognised.
 */

import { add, int, mul, variable } from "../../src/loop/build.ts";
import { RangeContext } from "../../src/loop/range.ts";
import { simplify } from "../../src/loop/simplify.ts";
import type { Expr } from "../../src/loop/types.ts";
import { someExpr, substitute, visitExpr } from "../../src/loop/walk.ts";
import { type GridLoop, mapStores, type Nest } from "../scheduling/analysis/nest.ts";

/** The nest with every loop split in two if the sums in it divide its variable by one divisor only. */
export function splitGroups(nest: Omit<Nest, "name">): Omit<Nest, "name"> {
  const isSum = (e: Expr): boolean => e.kind === "reduce" && e.op === "sum";
  const values = nest.stores.map(({ value }) => value);
  if (!values.some((value) => someExpr(value, isSum))) return nest;
  const places = new Map<string, Expr>();
  const loops = nest.loops.flatMap((loop): readonly GridLoop[] => {
    const size = groupSizeOf(loop, values);
    if (size === undefined) return [loop];
    const groups = { name: `${loop.name}_group`, extent: loop.extent / size };
    places.set(loop.name, add(mul(variable(groups.name), int(size)), variable(loop.name)));
    return [groups, { ...loop, extent: size }];
  });
  if (places.size === 0) return nest;
  const context = loops.reduce((c, { name, extent }) => c.withLoop(name, extent), new RangeContext());
  return { ...mapStores(nest, (e) => simplify(substitute(e, places), context)), loops };
}

/**
 * The one divisor of a loop's variable in quotients and remainders, if it divides the loop into equal groups. If a
 * guard uses them there is none: those are the steps of a stride.
 */
function groupSizeOf({ name, extent }: GridLoop, values: readonly Expr[]): number | undefined {
  const divisorIn = (e: Expr): number | undefined =>
    e.kind === "binary" &&
    (e.op === "div" || e.op === "mod") &&
    e.a.kind === "var" &&
    e.a.name === name &&
    e.b.kind === "const"
      ? e.b.value
      : undefined;
  const sizes = new Set<number>();
  let isAsked = false;
  const seen = new Set<Expr>();
  for (const value of values) {
    visitExpr(
      value,
      (e) => {
        isAsked ||= e.kind === "compare" && someExpr(e, (part) => divisorIn(part) !== undefined);
        const size = divisorIn(e);
        if (size !== undefined) sizes.add(size);
      },
      seen,
    );
  }
  const [size, ...others] = sizes;
  const isOne = size !== undefined && others.length === 0 && !isAsked;
  return isOne && size > 1 && size < extent && extent % size === 0 ? size : undefined;
}
