/**
 * A factor of a correlation as planes: its value for any image, channel, row and column. A weight gradient sums over
 * images where a convolution sums over channels; here both are what they are.
 */

import type { Affine } from "../../../../src/loop/affine.ts";
import { add, int, sub } from "../../../../src/loop/build.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import type { SparseFactor } from "../../analysis/sparse-factor.ts";
import { baseOf } from "../sparse/sparse-form.ts";
import type { Correlation, Line } from "./correlation.ts";

/** Max-pool's gradient as it lies in memory: one element for each window, in planes. */
export interface PooledPlane {
  readonly sparse: SparseFactor;
  /** Where the first window's first row and column lie in the plane. */
  readonly start: readonly [number, number];
  /** Index of the first window of an image's channel. */
  base(image: Expr, channel: Expr): Expr;
}

export interface Plane {
  /** Rows and columns that are asked for. */
  readonly extents: readonly [number, number];
  at(image: Expr, channel: Expr, row: Expr, column: Expr): Expr;
  readonly pooled?: PooledPlane;
}

/** The loops that stand for an image and a channel, where there are such. */
interface Names {
  readonly image: string | undefined;
  readonly channel: string | undefined;
}

/** The data: row 0 is what the first place's first tap sees. */
export function dataPlane(correlation: Correlation, sumsOverImages: boolean): Plane {
  const { data, rows, columns, dataLoop, shared, sparseData } = correlation;
  const names = namesOf(dataLoop?.name, shared?.name, sumsOverImages);
  const lines = [rows, columns].map(({ coordinate }) => ({
    first: coordinate.terms[0].name,
    others: coordinate.terms.slice(1).map(({ name }) => name),
    low: coordinate.low,
  }));
  const start = (form: Affine, { coordinate }: Line): number => -form.constant - coordinate.low;
  const pooled =
    sparseData &&
    pooledPlane(sparseData, names, [start(sparseData.row, rows), start(sparseData.column, columns)]);
  return {
    extents: [rows.coordinate.extent, columns.coordinate.extent],
    at(image, channel, row, column) {
      const values = placed(names, image, channel);
      [row, column].forEach((position, k) => {
        for (const name of lines[k].others) values.set(name, int(0));
        values.set(lines[k].first, add(position, int(lines[k].low)));
      });
      return substitute(data, values);
    },
    ...(pooled && { pooled }),
  };
}

/** The filter: row 0 is the tap that the first datum meets. */
export function filterPlane(correlation: Correlation, sumsOverImages: boolean): Plane {
  const { filter, rows, columns, filterLoop, shared, sparseFilter } = correlation;
  const names = namesOf(filterLoop?.name, shared?.name, sumsOverImages);
  const isForward = !rows.isReversed && !columns.isReversed;
  const pooled =
    sparseFilter && isForward
      ? pooledPlane(sparseFilter, names, [-sparseFilter.row.constant, -sparseFilter.column.constant])
      : undefined;
  const tapAt = ({ tap, isReversed }: Line, position: Expr): Expr =>
    isReversed ? sub(int(tap.extent - 1), position) : position;
  return {
    extents: [rows.tap.extent, columns.tap.extent],
    at(image, channel, row, column) {
      const values = placed(names, image, channel);
      values.set(rows.tap.name, tapAt(rows, row)).set(columns.tap.name, tapAt(columns, column));
      return substitute(filter, values);
    },
    ...(pooled && { pooled }),
  };
}

const namesOf = (own: string | undefined, shared: string | undefined, sumsOverImages: boolean): Names =>
  sumsOverImages ? { image: shared, channel: own } : { image: own, channel: shared };

function placed(names: Names, image: Expr, channel: Expr): Map<string, Expr> {
  const values = new Map<string, Expr>();
  if (names.image !== undefined) values.set(names.image, image);
  if (names.channel !== undefined) values.set(names.channel, channel);
  return values;
}

function pooledPlane(
  sparse: SparseFactor,
  names: Names,
  start: readonly [number, number],
): PooledPlane | undefined {
  if (start.some((position) => position < 0)) return undefined;
  return {
    sparse,
    start,
    base: (image, channel) => substitute(baseOf(sparse.base), placed(names, image, channel)),
  };
}
