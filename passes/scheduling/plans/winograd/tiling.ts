/** How planes are cut into tiles, tiles into blocks of images, and where everything of a block lies in scratch. */

import { add, int, mul } from "../../../../src/loop/build.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import type { Transform } from "./transform-matrices.ts";

/** The form of one correlation: F(m, r) for rows and for columns. */
export interface Form {
  readonly rows: Transform;
  readonly columns: Transform;
}

export const pointsOf = ({ rows, columns }: Form): number => rows.points * columns.points;

/** A plane of so many outputs, in tiles; the last ones may reach beyond it. */
export interface Tiling {
  readonly form: Form;
  readonly tileRows: number;
  readonly tileColumns: number;
  /** Rows and columns that the tiles cover. */
  readonly height: number;
  readonly width: number;
  /** The same for the data that they need. */
  readonly dataHeight: number;
  readonly dataWidth: number;
}

export function tilingOf(form: Form, height: number, width: number): Tiling {
  const tileRows = Math.ceil(height / form.rows.outputs);
  const tileColumns = Math.ceil(width / form.columns.outputs);
  const covered = { height: tileRows * form.rows.outputs, width: tileColumns * form.columns.outputs };
  return {
    form,
    tileRows,
    tileColumns,
    ...covered,
    dataHeight: covered.height + form.rows.taps - 1,
    dataWidth: covered.width + form.columns.taps - 1,
  };
}

export const tilesOf = ({ tileRows, tileColumns }: Tiling): number => tileRows * tileColumns;

/** Floats that a block's transformed data and products may fill: about half of a second-level cache. */
const BLOCK_FLOATS = 300_000;

/** Tiles from which on a block gains nothing from being larger. */
const ENOUGH_TILES = 64;

/** Blocks that there should be, for threads to share. */
const ENOUGH_BLOCKS = 4;

/** Images in one block: a divisor of their number. */
export function imagesPerBlock(images: number, tiles: number, floatsPerTile: number): number {
  const most = Math.min(
    Math.floor(ENOUGH_TILES / tiles),
    Math.floor(BLOCK_FLOATS / (tiles * floatsPerTile)),
    Math.floor(images / ENOUGH_BLOCKS),
  );
  for (let count = most; count > 1; count--) if (images % count === 0) return count;
  return 1;
}

/** What a plan leaves to the machine: lanes, rows of a tile of products, and images in one block where that is decided. */
export interface TileSizes {
  readonly lanes: number;
  readonly rows: number;
  readonly images?: number;
}

/** Floats in a cache line. */
const LINE = 16;

/** A stride of at least so many floats: an odd number of cache lines, so that points do not share a cache's sets. */
export const spread = (floats: number): number => (Math.ceil(floats / LINE) | 1) * LINE;

export const roundUp = (count: number, to: number): number => Math.ceil(count / to) * to;

/** A matrix for each point, in rows of vectors. */
export interface PointScratch {
  readonly points: number;
  readonly rows: number;
  /** Floats from point to point. */
  readonly stride: number;
  readonly index: (point: Expr, row: Expr, column: Expr) => Expr;
}

export const pointLength = ({ points, stride }: PointScratch): number => points * stride;

/** Rows of so many columns, columns side by side. */
export function rowMajor(points: number, rows: number, columns: number): PointScratch {
  const stride = spread(rows * columns);
  return {
    points,
    rows,
    stride,
    index: (point, row, column) => add(add(mul(point, int(stride)), mul(row, int(columns))), column),
  };
}
