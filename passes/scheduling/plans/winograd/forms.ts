/**
 * Decides which forms F(m, r) may run a kernel. The guarantee for the error of a result has two parts.
 *
 * On uniform data, the largest difference from exact arithmetic, relative to the largest value, is
 *
 * - 1e-5 for convolutions and input gradients: activations are
 * rounded in every layer, and decide the sign before a relu.
 *   In the root mean square every form stays within seven times the error of direct sums, F(2, 3) within once, F(4, 3)
 *   within four times.
 * - 5e-5 for weight gradients. They are sums over all places of all images and are multiplied by a learning rate before
 *   they change anything.
 *
 * And an output's error is relative to the data of its own window, whatever is next to it: `uneven-tiles.ts` ensures
 * that. The tables give the limits within which each form was found to satisfy this;
 * `test/passes/scheduling/winograd-accuracy.test.ts` and `winograd-outliers.test.ts` measure it.
 */

import type { Correlation, Line } from "./correlation.ts";
import { type Transform, transformOf } from "./transform-matrices.ts";

/** F(m, r) for rows and for columns. */
export interface Form {
  readonly rows: Transform;
  readonly columns: Transform;
}

export const pointsOf = ({ rows, columns }: Form): number => rows.points * columns.points;

export const ERROR_BUDGETS = { outputs: 1e-5, weights: 5e-5 } as const;

/** The most taps for which there is a form: with more, tiles of eight points have less than two outputs. */
export const MOST_TAPS = 7;

/**
 * The most channels that a form may sum over, by its number of points: errors grow with the sums, and more so the
 * larger the powers in the matrices. Nine points need a fifth magnitude and lose a digit at once.
 */
const MOST_CHANNELS: ReadonlyMap<number, number> = new Map([
  [3, Number.POSITIVE_INFINITY],
  [4, Number.POSITIVE_INFINITY],
  [5, 256],
  [6, 256],
  [7, 64],
  [8, 64],
]);

/** Few taps gain little from many points and round worst: eight to ten times as coarsely as direct sums. */
const MOST_POINTS_OF_FEW_TAPS = 6;
const FEW_TAPS = 3;

/** The numbers of outputs in a tile for which a form of so many taps keeps the guarantee. */
export function outputsFor(taps: number, channels: number): number[] {
  return outputsWith(taps, channels, FEW_TAPS);
}

function outputsWith(taps: number, channels: number, few: number): number[] {
  return [...MOST_CHANNELS].flatMap(([points, most]) => {
    const outputs = points - taps + 1;
    const fits = outputs >= 2 && taps >= 2 && channels <= most;
    return fits && (taps > few || points <= MOST_POINTS_OF_FEW_TAPS) ? [outputs] : [];
  });
}

/** Sums of a weight gradient run over tiles; their errors average out, and the tolerance is wider. */
export const outputsForWeights = (taps: number): number[] => outputsWith(taps, 0, 2);

/** All forms with these outputs; only square ones if taps are square. */
export function formsOf(
  taps: readonly [number, number],
  outputs: (taps: number) => readonly number[],
): Form[] {
  const [rows, columns] = taps.map((r) => outputs(r).map((m) => transform(m, r)));
  const isSquare = taps[0] === taps[1];
  return rows.flatMap((row) =>
    columns.filter((column) => !isSquare || column === row).map((column) => ({ rows: row, columns: column })),
  );
}

/** The form of so many outputs and taps, rows and columns. */
export const formOf = (outputs: readonly [number, number], taps: readonly [number, number]): Form => ({
  rows: transform(outputs[0], taps[0]),
  columns: transform(outputs[1], taps[1]),
});

const transforms = new Map<string, Transform>();

/** The same object for the same form. */
function transform(outputs: number, taps: number): Transform {
  const key = `${outputs},${taps}`;
  const known = transforms.get(key) ?? transformOf(outputs, taps);
  transforms.set(key, known);
  return known;
}

/**
 * Whether a form gives equal outputs in a pooling window whenever the data under the window are equal, as direct sums
 * do: then the winner of a tie is the same. A tile must not reach beyond what one window sees, and its transforms give
 * exact zeros for equal data (see `linear-map.ts`).
 */
export function keepsTies({ rows, columns }: Form, correlation: Correlation): boolean {
  const windowOf = ({ placeTerms }: Line): number | undefined => {
    const { window } = correlation.contraction;
    const own = window.filter(({ name }) => placeTerms.some((t) => t.name === name));
    const extent = own.reduce((n, axis) => n * axis.extent, 1);
    const steps = placeTerms.filter((t) => !own.some(({ name }) => name === t.name));
    return steps.every((t) => t.coefficient === extent) ? extent : undefined;
  };
  return windowOf(correlation.rows) === rows.outputs && windowOf(correlation.columns) === columns.outputs;
}
