/**
 * Recognises correlations of stride 1 in two dimensions among contractions: one factor sees rows and columns as the sum
 * of a place and a tap, the other one sees taps alone. A convolution, its input gradient (taps run backwards) and its
 * weight gradient (the filter's positions are the places, the output gradient holds the taps) all have this form.
 */

import type { Expr, ReduceAxis } from "../../../../src/loop/types.ts";
import { type Contraction, dependsOn } from "../../analysis/contraction.ts";
import type { Coordinate, Extents } from "../../analysis/coordinates.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import { type SparseFactor, sparseFactorsOf } from "../../analysis/sparse-factor.ts";
import { Factor } from "../factor.ts";

/** One of the two dimensions. */
export interface Line {
  /** What the data see: `place + tap`, or `place - tap` where taps run backwards. */
  readonly coordinate: Coordinate;
  readonly tap: ReduceAxis;
  readonly isReversed: boolean;
  /** How many places there are: the values of all terms of the coordinate but the tap. */
  readonly places: number;
  readonly placeTerms: Coordinate["terms"];
}

export interface Correlation {
  readonly contraction: Contraction;
  readonly data: Expr;
  readonly filter: Expr;
  /** The factors where they are max-pool's gradients. */
  readonly sparseData?: SparseFactor;
  readonly sparseFilter?: SparseFactor;
  readonly rows: Line;
  readonly columns: Line;
  /** The loop that only the data see: images, or input channels for a weight gradient. */
  readonly dataLoop?: GridLoop;
  /** The loop that only the filter sees: output channels. */
  readonly filterLoop?: GridLoop;
  /** What both see and the sum runs over: input channels, or images for a weight gradient. */
  readonly shared?: ReduceAxis;
}

/** The correlation that a contraction is, if it is one. */
export function correlationOf(contraction: Contraction): Correlation | undefined {
  const { nest, window, core, left, right } = contraction;
  const extents: Extents = new Map([...nest.loops, ...window, ...core.axes].map((l) => [l.name, l.extent]));
  for (const [data, filter] of [
    [left, right],
    [right, left],
  ]) {
    const found = matched(contraction, new Factor(data, extents), new Factor(filter, extents));
    if (found !== undefined) return found;
  }
  return undefined;
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
  const sparseData = sparse.find(({ dense }) => dense === filter.expr)?.sparse;
  const sparseFilter = sparse.find(({ dense }) => dense === data.expr)?.sparse;
  return {
    contraction,
    data: data.expr,
    filter: filter.expr,
    rows,
    columns,
    ...(sparseData && { sparseData }),
    ...(sparseFilter && { sparseFilter }),
    ...(dataLoops.length > 0 && { dataLoop: dataLoops[0] }),
    ...(filterLoops.length > 0 && { filterLoop: filterLoops[0] }),
    ...(shared.length > 0 && { shared: shared[0] }),
  };
}

/** A coordinate as places and a tap: dense places, neighbouring taps that only the filter sees besides. */
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
  // Fewer values than places: a stride leaves some out.
  if (distinct < places) return undefined;
  return { coordinate, tap, isReversed: term.coefficient < 0, places, placeTerms };
}
