/**
 * Recognises correlations of stride 1 in two dimensions among contractions: one factor sees rows and columns as the sum
 * of a place and a tap, the other one sees taps alone. A convolution, its input gradient (taps run backwards) and its
 * weight gradient (the filter's positions are the places, the output gradient holds the taps) all have this form.
 */

import { type Affine, fromAffine } from "../../../../src/loop/affine.ts";
import { add, int, mul, sub, variable } from "../../../../src/loop/build.ts";
import type { Expr, ReduceAxis } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { type Contraction, dependsOn, extentsOf } from "../../analysis/contraction.ts";
import type { Coordinate, Extents } from "../../analysis/coordinates.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import { type SparseFactor, sparseFactorsOf } from "../../analysis/sparse-factor.ts";
import { Factor } from "../factor.ts";

/** One of the two dimensions. */
export interface Line {
  /** The coordinate of the data: `place + tap`, or `place - tap` if taps run backwards. */
  readonly coordinate: Coordinate;
  readonly tap: ReduceAxis;
  readonly isReversed: boolean;
  /** The number of places: the values of all terms of the coordinate except the tap. */
  readonly places: number;
  readonly placeTerms: Coordinate["terms"];
}

/**
 * A factor as planes of rows and columns: one for each iteration of
 * its own loop and of the loops that both factors share.
 */
export interface Operand {
  readonly factor: Expr;
  readonly own: GridLoop | undefined;
  readonly shared: ReduceAxis | undefined;
  readonly extents: readonly [rows: number, columns: number];
  /** Its value; row and column 0 are what the first place's first tap meets. */
  at(own: Expr, shared: Expr, row: Expr, column: Expr): Expr;
  /** Set if it is max-pool's gradient. */
  readonly pooled?: PooledOperand;
}

/** Max-pool's gradient in memory: one element for each window, in planes. */
export interface PooledOperand {
  readonly sparse: SparseFactor;
  /** The row and column of the plane at which the first window starts. */
  readonly start: readonly [number, number];
  /** Index of a plane's first window. */
  base(own: Expr, shared: Expr): Expr;
}

export interface Correlation {
  readonly contraction: Contraction;
  /** Its own loop runs over images, or input channels for a weight gradient. */
  readonly data: Operand;
  /** Its own loop runs over output channels. */
  readonly filter: Operand;
  readonly rows: Line;
  readonly columns: Line;
}

/** The correlation that a contraction computes, if it is one. */
export function correlationOf(contraction: Contraction): Correlation | undefined {
  const extents = extentsOf(contraction);
  const [left, right] = [contraction.left, contraction.right].map((factor) => new Factor(factor, extents));
  return matched(contraction, left, right) ?? matched(contraction, right, left);
}

function matched(contraction: Contraction, data: Factor, filter: Factor): Correlation | undefined {
  const { nest, window, core } = contraction;
  if (!data.isPackable || !filter.isPackable) return undefined;
  const coordinates = data.coordinates();
  const mixed = coordinates.filter(({ terms }) => terms.length > 1);
  if (mixed.length !== 2) return undefined;
  const outer = new Map([...nest.loops, ...window].map((l) => [l.name, l.extent]));
  const [rows, columns] = mixed.map((c) => lineOf(c, core.axes, outer, filter.expr));
  if (rows === undefined || columns === undefined) return undefined;
  const inLines = new Set(mixed.flatMap(({ terms }) => terms.map(({ name }) => name)));
  const loops = nest.loops.filter(({ name }) => !inLines.has(name));
  const dataLoops = loops.filter(({ name }) => dependsOn(data.expr, name) && !dependsOn(filter.expr, name));
  const filterLoops = loops.filter(({ name }) => dependsOn(filter.expr, name) && !dependsOn(data.expr, name));
  const shared = core.axes.filter(({ name }) => !inLines.has(name));
  const isComplete =
    dataLoops.length <= 1 &&
    filterLoops.length <= 1 &&
    dataLoops.length + filterLoops.length === loops.length &&
    window.every(({ name }) => inLines.has(name)) &&
    shared.length <= 1 &&
    shared.every(({ name }) => dependsOn(data.expr, name) && dependsOn(filter.expr, name)) &&
    coordinates.every(({ terms }) => terms[0].coefficient === 1);
  if (!isComplete) return undefined;
  const sparse = sparseFactorsOf(contraction);
  const ofData = sparse.find(({ dense }) => dense === filter.expr)?.sparse;
  const ofFilter = sparse.find(({ dense }) => dense === data.expr)?.sparse;
  const startOf = ({ constant }: Affine, { coordinate }: Line): number => -constant - coordinate.low;
  return {
    contraction,
    data: operandOf(
      data.expr,
      dataLoops[0],
      shared[0],
      [dataAxis(rows), dataAxis(columns)],
      ofData && { sparse: ofData, start: [startOf(ofData.row, rows), startOf(ofData.column, columns)] },
    ),
    filter: operandOf(
      filter.expr,
      filterLoops[0],
      shared[0],
      [tapAxis(rows), tapAxis(columns)],
      ofFilter && !rows.isReversed && !columns.isReversed
        ? { sparse: ofFilter, start: [-ofFilter.row.constant, -ofFilter.column.constant] }
        : undefined,
    ),
    rows,
    columns,
  };
}

/** Splits a coordinate into places and a tap: dense places, and adjacent taps that otherwise only the filter sees. */
function lineOf(
  coordinate: Coordinate,
  axes: readonly ReduceAxis[],
  outer: Extents,
  filter: Expr,
): Line | undefined {
  const tap = axes.find(({ name }) => coordinate.terms.some((t) => t.name === name));
  const term = coordinate.terms.find((t) => t.name === tap?.name);
  const placeTerms = coordinate.terms.filter((t) => t !== term);
  if (tap === undefined || term === undefined || Math.abs(term.coefficient) !== 1) return undefined;
  if (!dependsOn(filter, tap.name)) return undefined;
  if (placeTerms.some((t) => !outer.has(t.name) || t.coefficient < 1 || dependsOn(filter, t.name)))
    return undefined;
  const extentOf = (name: string): number => outer.get(name) ?? 1;
  const places = placeTerms.reduce((n, t) => n + t.coefficient * (extentOf(t.name) - 1), 1);
  const distinct = placeTerms.reduce((n, t) => n * extentOf(t.name), 1);
  // Fewer values than places: a stride skips some.
  if (distinct < places) return undefined;
  return { coordinate, tap, isReversed: term.coefficient < 0, places, placeTerms };
}

/** The rows or the columns of an operand: how many there are, and the values of its loops at one of them. */
interface Axis {
  readonly extent: number;
  at(position: Expr): readonly (readonly [loop: string, value: Expr])[];
}

const dataAxis = ({ coordinate: { terms, low, extent } }: Line): Axis => ({
  extent,
  at: (position) => terms.map(({ name }, k) => [name, k === 0 ? add(position, int(low)) : int(0)]),
});

const tapAxis = ({ tap: { name, extent }, isReversed }: Line): Axis => ({
  extent,
  at: (position) => [[name, isReversed ? sub(int(extent - 1), position) : position]],
});

function operandOf(
  factor: Expr,
  own: GridLoop | undefined,
  shared: ReduceAxis | undefined,
  axes: readonly [Axis, Axis],
  pooled: Pick<PooledOperand, "sparse" | "start"> | undefined,
): Operand {
  const values = (first: Expr, second: Expr): Map<string, Expr> => {
    const found = new Map<string, Expr>();
    if (own !== undefined) found.set(own.name, first);
    if (shared !== undefined) found.set(shared.name, second);
    return found;
  };
  return {
    factor,
    own,
    shared,
    extents: [axes[0].extent, axes[1].extent],
    at(first, second, ...position) {
      const loops = axes.flatMap((axis, k) => axis.at(position[k]));
      return substitute(factor, new Map([...values(first, second), ...loops]));
    },
    ...(pooled?.start.every((position) => position >= 0) && {
      pooled: {
        ...pooled,
        base: (first, second) => substitute(fromAffine(pooled.sparse.base), values(first, second)),
      },
    }),
  };
}

/** The sum that the kernel defines for a place, by iterations of the data's and of the filter's own loop. */
export function directSum(
  { contraction, data, filter, rows, columns }: Correlation,
  ofData: Expr,
  ofFilter: Expr,
  row: Expr,
  column: Expr,
): Expr {
  const values = new Map<string, Expr>();
  if (data.own !== undefined) values.set(data.own.name, ofData);
  if (filter.own !== undefined) values.set(filter.own.name, ofFilter);
  for (const [{ placeTerms }, position] of [[rows, row] as const, [columns, column] as const]) {
    // Places are dense: one of their terms counts them one by one.
    for (const { name, coefficient } of placeTerms) values.set(name, coefficient === 1 ? position : int(0));
  }
  return substitute(contraction.core, values);
}

/** The place that a line's own loops are at. */
export const placeIn = ({ placeTerms }: Line): Expr =>
  placeTerms.map((t) => mul(variable(t.name), int(t.coefficient))).reduce(add, int(0));
