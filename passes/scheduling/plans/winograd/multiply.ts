/** The small matrix products, one for each point: a tile of rows and vectors of sums in registers. */

import { add, int, load, mul, reduce, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { LANE, type LanePart, type Lanes, lanePartsOf, tileName, vectorName } from "../../analysis/lanes.ts";
import type { StoreTarget } from "../../analysis/nest.ts";
import { lane, type Phases } from "./workspace.ts";

/** Vectors side by side in a tile of sums. */
export const TILE_VECTORS = 2;

/** Rows of a tile of sums, such that sums, vectors and splatted elements fit the registers. */
export const tileRowsFor = (registers: number): number =>
  Math.max(1, Math.floor((registers - TILE_VECTORS) / (TILE_VECTORS + 1)));

/** Columns of the products in tiles of vectors; the last vector may reach beyond them. */
export const columnLanes = (columns: number, width: number): Lanes => ({
  loop: "output",
  extent: columns,
  width,
  vectors: TILE_VECTORS,
  padded: true,
});

/** Where a vector of a tile starts, and which one it is. */
export interface ColumnVector {
  /** First column, as an expression without the lane. */
  readonly start: Expr;
  readonly tile: Expr;
  readonly vector: Expr;
}

/** The vectors of one part of the columns. */
export const vectorsOfPart = (lanes: Lanes, part: LanePart): ColumnVector[] =>
  part.vectors.map((values) => {
    const tile = values.get(tileName(lanes)) ?? int(0);
    const vector = values.get(vectorName(lanes)) ?? int(0);
    return {
      start: add(mul(tile, int(lanes.width * lanes.vectors)), mul(vector, int(lanes.width))),
      tile,
      vector,
    };
  });

export interface Products {
  readonly points: number;
  /** Whole tiles of so many rows. */
  readonly rowTiles: number;
  readonly tileRows: number;
  readonly columns: Lanes;
  /** How many products each sum has. */
  readonly depth: number;
  left(point: Expr, row: Expr, depth: Expr): Expr;
  right(point: Expr, depth: Expr, column: ColumnVector): Expr;
  store(point: Expr, row: Expr, column: ColumnVector, sum: Expr): StoreTarget;
}

export function multiply(p: Products, phases: Phases): Stmt[] {
  const point = variable("point");
  return lanePartsOf(p.columns).flatMap((part) => {
    const stores = vectorsOfPart(p.columns, part).flatMap((column) =>
      Array.from({ length: p.tileRows }, (_, k) => {
        const row = add(mul(variable("rows"), int(p.tileRows)), int(k));
        const sum = reduce("sum", [{ name: "depth", extent: p.depth }], ([depth]) =>
          mul(p.left(point, row, depth), p.right(point, depth, column)),
        );
        return p.store(point, row, column, sum);
      }),
    );
    return phases.stores(
      [
        { name: "point", extent: p.points },
        ...(part.iterations === 1 ? [] : [{ name: "output", extent: part.iterations }]),
        { name: "rows", extent: p.rowTiles },
        lane(p.columns.width),
      ],
      stores,
    );
  });
}

/** A vector's load: its first element's index and the lane. */
export const vectorAt = (buffer: string, index: Expr): Expr =>
  load(buffer, "float32", add(index, variable(LANE)));
