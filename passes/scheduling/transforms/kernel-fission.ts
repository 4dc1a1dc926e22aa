/** Finds the parts of an expression that are better stored by a kernel of their own, and replaces them by loads. */

import type { Expr } from "../../../src/loop/types.ts";
import { freeNames, mapChildren, visitExpr } from "../../../src/loop/walk.ts";
import type { GridLoop } from "../analysis/nest.ts";

/** Stores a part for each iteration of some loops, and returns how it is read. */
export interface PartMaker {
  part(value: Expr, loops: readonly GridLoop[]): Expr;
}

/** The place of an expression: the loops around it, and whether a guard decides that it is evaluated at all. */
interface Place {
  readonly loops: readonly GridLoop[];
  readonly guarded: boolean;
}

/**
 * Replaces every reduction that does not depend on some loop around it: otherwise each thread along this loop
 * would sum the same row again.
 */
export function sharedReductions(value: Expr, grid: readonly GridLoop[], maker: PartMaker): Expr {
  const replace = (e: Expr, place: Place): Expr => {
    if (e.kind !== "reduce") return e;
    const needed = place.loops.filter(({ name }) => freeNames(e).has(name));
    return place.guarded || needed.length === place.loops.length ? e : maker.part(e, needed);
  };
  return rewriteInPlace(value, grid, replace);
}

/**
 * Replaces parts until `value` reads at most `most` buffers; `undefined` if no part helps. Of the parts that help
 * the most, the one with the fewest elements is taken.
 */
export function fewerInputs(
  value: Expr,
  grid: readonly GridLoop[],
  most: number,
  maker: PartMaker,
): Expr | undefined {
  let current = value;
  for (let count = buffersOf(current).size; count > most; count = buffersOf(current).size) {
    const best = bestPart(current, grid, most);
    if (best === undefined) return undefined;
    const { expr, loops } = best;
    const element = maker.part(expr, loops);
    current = rewriteInPlace(current, grid, (e) => (e === expr ? element : e));
  }
  return current;
}

function bestPart(
  value: Expr,
  grid: readonly GridLoop[],
  most: number,
): { readonly expr: Expr; readonly loops: readonly GridLoop[] } | undefined {
  const total = buffersOf(value).size;
  let best: { expr: Expr; loops: readonly GridLoop[]; left: number; size: number } | undefined;
  rewriteInPlace(value, grid, (e, { loops, guarded }) => {
    const own = buffersOf(e).size;
    if (guarded || e === value || e.kind === "load" || e.dtype === "uint32" || own < 2 || own > most)
      return e;
    const needed = loops.filter(({ name }) => freeNames(e).has(name));
    const left = buffersOf(value, e).size + 1;
    const size = needed.reduce((product, { extent }) => product * extent, 1);
    const isBetter = best === undefined || left < best.left || (left === best.left && size < best.size);
    if (left < total && isBetter) best = { expr: e, loops: needed, left, size };
    return e;
  });
  return best;
}

/** The buffers that `value` reads outside of some of its parts. */
function buffersOf(value: Expr, ...without: readonly Expr[]): ReadonlySet<string> {
  const buffers = new Set<string>();
  const note = (e: Expr): void => {
    if (e.kind === "load") buffers.add(e.buffer);
  };
  visitExpr(value, note, new Set(without));
  return buffers;
}

/** Rewrites bottom up; `f` gets the place of each node and may replace it. Indices of loads are left unchanged. */
function rewriteInPlace(value: Expr, grid: readonly GridLoop[], f: (e: Expr, place: Place) => Expr): Expr {
  const visitors = new Map<string, (e: Expr) => Expr>();
  const visitorAt = (place: Place): ((e: Expr) => Expr) => {
    const key = `${place.guarded} ${place.loops.map(({ name, extent }) => `${name}<${extent}`)}`;
    const known = visitors.get(key);
    if (known !== undefined) return known;
    const done = new Map<Expr, Expr>();
    const visit = (e: Expr): Expr => {
      let result = done.get(e);
      if (result === undefined) {
        result = f(inside(e, place, visit, visitorAt), place);
        done.set(e, result);
      }
      return result;
    };
    visitors.set(key, visit);
    return visit;
  };
  return visitorAt({ loops: grid, guarded: false })(value);
}

function inside(
  e: Expr,
  place: Place,
  visit: (e: Expr) => Expr,
  visitorAt: (place: Place) => (e: Expr) => Expr,
): Expr {
  if (e.kind === "load") return e;
  if (e.kind === "select") {
    const [condition, a, b] = [visit(e.condition), visitorAt({ ...place, guarded: true })(e.a), visit(e.b)];
    return condition === e.condition && a === e.a && b === e.b ? e : { ...e, condition, a, b };
  }
  if (e.kind === "reduce") return mapChildren(e, visitorAt({ ...place, loops: [...place.loops, ...e.axes] }));
  return mapChildren(e, visit);
}
