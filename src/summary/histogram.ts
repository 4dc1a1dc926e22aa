/** Histograms in TensorBoard's form: counts below ascending limits, empty bins at both ends left out. */

import { KilnError } from "../core/errors.ts";

/** Counts and moments of some numbers. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** The upper limit of each bin. The first bin is empty, so that its limit is the lower one of the next. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/**
 * How numbers are counted: `"tensorflow"` for bins that grow by a tenth from 1e-12 to 1e20 in both directions, a
 * number for as many equal ones, or the ascending edges of the bins themselves.
 */
export type Bins = "tensorflow" | number | readonly number[];

const SMALLEST_EDGE = 1e-12;
const LARGEST_EDGE = 1e20;
const GROWTH = 1.1;

const positiveEdges: number[] = [];
for (let edge = SMALLEST_EDGE; edge < LARGEST_EDGE; edge *= GROWTH) positiveEdges.push(edge);
const GROWING_EDGES = [...positiveEdges.map((edge) => -edge).reverse(), 0, ...positiveEdges];

/** Counts `values`; a bin includes its lower edge, and the last one its upper edge too. `tag` is for messages. */
export function makeHistogram(values: ArrayLike<number>, bins: Bins, tag: string): Histogram {
  if (values.length === 0) throw new KilnError(`histogram ${tag} has no values`);
  let [min, max, sum, sumOfSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) {
      throw new KilnError(`histogram ${tag} cannot count ${value}, its value at index ${i}`);
    }
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    sumOfSquares += value * value;
  }
  const edges = edgesOf(bins, min, max, tag);
  const all = countBetween(edges, values);
  const first = all.findIndex((count) => count > 0);
  if (first < 0) {
    throw new KilnError(
      `histogram ${tag} counts nothing: all values lie outside of its bins from ${edges[0]} to ${edges.at(-1)}`,
    );
  }
  const last = all.findLastIndex((count) => count > 0);
  return {
    min,
    max,
    count: values.length,
    sum,
    sumOfSquares,
    limits: edges.slice(first, last + 2),
    counts: [0, ...all.slice(first, last + 1)],
  };
}

function edgesOf(bins: Bins, min: number, max: number, tag: string): readonly number[] {
  if (bins === "tensorflow") return GROWING_EDGES;
  if (typeof bins === "number") {
    if (!Number.isInteger(bins) || bins < 1) {
      throw new KilnError(`histogram ${tag} needs at least 1 bin, not ${bins}`);
    }
    const [low, high] = min === max ? [min - 0.5, max + 0.5] : [min, max];
    return Array.from({ length: bins + 1 }, (_, k) => (k === bins ? high : low + ((high - low) * k) / bins));
  }
  const ascends = bins.every((edge, k) => Number.isFinite(edge) && (k === 0 || edge > bins[k - 1]));
  if (bins.length < 2 || !ascends) {
    throw new KilnError(`histogram ${tag} needs two or more bin edges in ascending order`);
  }
  return bins;
}

function countBetween(edges: readonly number[], values: ArrayLike<number>): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  const [low, high] = [edges[0], edges[edges.length - 1]];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < low || value > high) continue;
    counts[Math.min(lastAtMost(edges, value), counts.length - 1)]++;
  }
  return counts;
}

/** Index of the last edge that is not above `value`, by bisection. */
function lastAtMost(edges: readonly number[], value: number): number {
  let [low, high] = [0, edges.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}
