/**
 * Finds the rows of a nest: the loops that its reductions depend on, which number the rows, and those along a row, for
 * which the reductions are the same. Such reductions are the row's statistics: softmax's maximum and sum, a
 * normalisation's mean and deviation. One may need another, so they are computed in phases.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { variable } from "../../../src/loop/build.ts";
import { Interner } from "../../../src/loop/intern.ts";
import { givesPosition } from "../../../src/loop/semantics.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { children, freeNames, isSubset, mapChildren, substitute } from "../../../src/loop/walk.ts";
import { dependsOn, type Reduce } from "./contraction.ts";
import { joinAxes } from "./join-loops.ts";
import type { GridLoop, Nest } from "./nest.ts";

/** The loops of a nest by their role for its reductions; both outermost first. */
export interface RowLoops {
  /** There is one row for each combination of their iterations. */
  readonly rows: readonly GridLoop[];
  /** Those along a row; none if only reductions are stored. */
  readonly along: readonly GridLoop[];
}

/** The roles of the loops of a nest, if it has reductions that depend on them. */
export function rowLoopsOf({ loops, stores }: Nest): RowLoops | undefined {
  const seen = new Set<string>();
  const visited = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (visited.has(e) || e.kind === "load") return;
    visited.add(e);
    if (e.kind === "reduce") for (const name of freeNames(e)) seen.add(name);
    else for (const child of children(e)) visit(child);
  };
  for (const { value } of stores) visit(value);
  const rows = loops.filter(({ name }) => seen.has(name));
  return rows.length === 0 && loops.length > 0
    ? undefined
    : { rows, along: loops.filter(({ name }) => !seen.has(name)) };
}

/** Independent statistics over the same axes: one loop computes them all. */
export type Phase = readonly Statistic[];

export interface Statistic {
  /** Its body refers to earlier statistics by name, and its axes are named like all others of its phase. */
  readonly reduction: Reduce;
  /** The local that holds it. */
  readonly name: string;
}

export interface Statistics {
  readonly phases: readonly Phase[];
  /** Replaces the statistics in an expression by their names. */
  readonly named: (e: Expr) => Expr;
}

/** The statistics of a nest's rows in phases; none if a reduction is not a number of a whole row. */
export function statisticsOf({ stores }: Nest, { rows }: RowLoops): Statistics | undefined {
  const interner = new Interner();
  const values = stores.map(({ value }) => interner.intern(value));
  const outside = new Set(rows.map(({ name }) => name));
  const levels = new Map<Expr, number>();
  const found: Reduce[] = [];
  const levelOf = (e: Expr): number => {
    const known = levels.get(e);
    if (known !== undefined) return known;
    const inner =
      e.kind === "load" ? 0 : children(e).reduce((most, child) => Math.max(most, levelOf(child)), 0);
    const isStatistic = e.kind === "reduce" && isSubset(freeNames(e), outside);
    if (isStatistic) found.push(e);
    const level = inner + (isStatistic ? 1 : 0);
    levels.set(e, level);
    return level;
  };
  values.forEach(levelOf);
  // A reduction that is the same for all rows is computed before all of them, which only loops without phases do.
  const isOfRow = (e: Reduce): boolean => isFloat(e.dtype) && !givesPosition(e.op) && isOneRow(e, rows);
  if (found.length === 0 || !found.every(isOfRow)) return undefined;
  const names = new Map<Expr, Expr>(
    found.map((e, k) => [e, { kind: "local", dtype: e.dtype, name: `row${k}` }]),
  );
  const named = namer(names);
  const phases = new Map<string, Statistic[]>();
  for (const e of found) {
    const joined = joinAxes({ ...e, body: named(e.body) });
    const extents = joined.axes.map(({ extent }) => extent).join();
    const key = `${levels.get(e)} ${extents}`;
    const phase = phases.get(key) ?? [];
    phases.set(key, phase);
    const local = names.get(e)!;
    if (local.kind === "local")
      phase.push({ reduction: withAxesOf(joined, phase[0]?.reduction), name: local.name });
  }
  const ordered = [...phases].sort(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  return { phases: ordered.map(([, phase]) => phase), named: (e) => named(interner.intern(e)) };
}

/** Whether a reduction depends on the innermost loop over rows, if there is one: otherwise it belongs further out. */
const isOneRow = (e: Reduce, rows: readonly GridLoop[]): boolean =>
  rows.length === 0 || dependsOn(e, rows[rows.length - 1].name);

/** Replaces expressions, outermost first. */
function namer(names: ReadonlyMap<Expr, Expr>): (e: Expr) => Expr {
  const done = new Map<Expr, Expr>(names);
  const replace = (e: Expr): Expr => {
    let result = done.get(e);
    if (result === undefined) {
      result = e.kind === "load" ? e : mapChildren(e, replace);
      done.set(e, result);
    }
    return result;
  };
  return replace;
}

/** The reduction over axes of the same names as those of the first one of its phase. */
function withAxesOf(reduction: Reduce, first: Reduce | undefined): Reduce {
  if (first === undefined) return reduction;
  const names = new Map(reduction.axes.map(({ name }, k) => [name, variable(first.axes[k].name)]));
  return { ...reduction, axes: first.axes, body: substitute(reduction.body, names) };
}
