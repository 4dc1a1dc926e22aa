/**
 * A transform of tiles in two passes: down the columns of a strip into a little scratch, then along its lines. Lanes
 * are channels throughout.
 */

import { add, int, load, mul, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { LANE } from "../../analysis/lanes.ts";
import { linearMap } from "./linear-map.ts";
import type { Matrix } from "./transform-matrices.ts";
import { lane, type Phases } from "./workspace.ts";

export interface StripTransform {
  readonly vertical: Matrix;
  readonly horizontal: Matrix;
  /** Columns of the strip; tiles along it, each so many columns behind the one before. */
  readonly columns: number;
  readonly tiles: number;
  readonly step: number;
  /** Scratch for the strip between the passes. */
  readonly between: string;
  readonly lanes: number;
  /** What stands in a row of the strip, of which there are as many as `vertical` has columns. */
  source(row: number, column: Expr): Expr;
  /** Where element `column` of line `line` of a tile goes. */
  target(line: Expr, column: number, tile: Expr): { readonly buffer: string; readonly index: Expr };
}

/** Floats of scratch between the passes. */
export const stripLength = (vertical: Matrix, columns: number, lanes: number): number =>
  vertical.length * columns * lanes;

export function applyTransform(t: StripTransform, phases: Phases): Stmt[] {
  const between = (line: Expr, column: Expr): Expr =>
    add(mul(add(mul(line, int(t.columns)), column), int(t.lanes)), variable(LANE));
  const column = variable("column");
  const strip = t.vertical[0].map((_, row) => t.source(row, column));
  const down = linearMap(t.vertical, strip).map((value, line) => ({
    buffer: t.between,
    index: between(int(line), column),
    value,
  }));
  const [line, tile] = [variable("line"), variable("tile")];
  const data = t.horizontal[0].map((_, k) =>
    load(t.between, "float32", between(line, add(mul(tile, int(t.step)), int(k)))),
  );
  const along = linearMap(t.horizontal, data).map((value, k) => ({ ...t.target(line, k, tile), value }));
  return [
    ...phases.stores([{ name: "column", extent: t.columns }, lane(t.lanes)], down),
    ...phases.stores(
      [{ name: "tile", extent: t.tiles }, { name: "line", extent: t.vertical.length }, lane(t.lanes)],
      along,
    ),
  ];
}
