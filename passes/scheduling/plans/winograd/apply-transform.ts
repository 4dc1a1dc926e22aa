/**
 * Transforms of tiles in two passes: down the columns of a strip into a little scratch, then along its lines. Lanes are
 * channels throughout.
 */

import { add, int, mul, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { linearMap } from "./linear-map.ts";
import { lane, lanesOf, type Place, type ScratchArray, storesUnder } from "./scratch-array.ts";
import type { Matrix } from "./transform-matrices.ts";

export interface StripTransform {
  readonly vertical: Matrix;
  readonly horizontal: Matrix;
  /** Columns of the strip; tiles along it, each so many columns behind the one before. */
  readonly columns: number;
  readonly tiles?: number;
  readonly step?: number;
  readonly lanes: number;
  /** The strip between the passes. */
  readonly between: ScratchArray;
  /** What stands in a row of the strip, of which there are as many as `vertical` has columns. */
  source(row: number, column: Expr): Expr;
  /** Where element `column` of line `line` of a tile goes. */
  target(line: Expr, column: number, tile: Expr): Place;
}

export function applyTransform(t: StripTransform): Stmt[] {
  const { vertical, horizontal, between, tiles = 1, step = 0 } = t;
  const [column, line, tile] = [variable("column"), variable("line"), variable("tile")];
  const strip = vertical[0].map((_, row) => t.source(row, column));
  const down = linearMap(vertical, strip).map((value, k) => ({ ...between.at(int(k), column, lane), value }));
  const data = horizontal[0].map((_, k) => between.load(line, add(mul(tile, int(step)), int(k)), lane));
  const along = linearMap(horizontal, data).map((value, k) => ({ ...t.target(line, k, tile), value }));
  const lines = { name: "line", extent: vertical.length };
  return [
    ...storesUnder([{ name: "column", extent: t.columns }, lanesOf(t.lanes)], down),
    ...storesUnder([{ name: "tile", extent: tiles }, lines, lanesOf(t.lanes)], along),
  ];
}
