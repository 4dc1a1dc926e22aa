/** What the kernels of all three passes consist of: transforms of tiles, the products at each point, and the kernel's own stores. */

import { add, int, mul, reduce, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { type Lanes, splitOf, tileName, vectorName } from "../../analysis/lanes.ts";
import type { StoreTarget } from "../../analysis/nest.ts";
import { replaceCore } from "../../transforms/replace-core.ts";
import { unrollWindows } from "../../transforms/unroll.ts";
import { applyTransform } from "./apply-transform.ts";
import { placeIn } from "./correlation.ts";
import type { BlockPlanes } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import { type Plan, type TiledLine, tileIndex } from "./plan.ts";
import {
  type ChannelPart,
  elementOf,
  lane,
  lanesOf,
  type Place,
  ScratchArray,
  storesUnder,
  within,
} from "./scratch-array.ts";
import type { Matrix } from "./transform-matrices.ts";

/** Vectors side by side in a tile of sums. */
export const TILE_VECTORS = 2;

/** Rows of a tile of sums, such that sums, vectors and splatted elements fit the registers. */
export const tileRowsFor = (registers: number): number =>
  Math.max(1, Math.floor((registers - TILE_VECTORS) / (TILE_VECTORS + 1)));

/** The outputs in tiles of vectors; the last vector may reach beyond them. */
export const outputLanes = ({ outputs, lanes }: Plan): Lanes => ({
  loop: "output",
  extent: outputs,
  width: lanes,
  vectors: TILE_VECTORS,
  padded: true,
});

/** Scratch between the passes of a transform of strips of so many columns. */
export const stripFor = (
  { correlation, lanes }: Plan,
  what: string,
  vertical: Matrix,
  columns: number,
): ScratchArray => new ScratchArray(correlation.contraction.kernel, what, [vertical.length, columns, lanes]);

export const pointAt = ({ columns }: Plan, row: Expr, column: Expr): Expr =>
  add(mul(row, int(columns.points)), column);

/** Which matrix a transform applies to rows and columns. */
type Side = (line: TiledLine) => Matrix;

/** Takes every tile of the planes of a block to its points. */
export function transformTiles(
  plan: Plan,
  { array, channels }: BlockPlanes,
  side: Side,
  between: ScratchArray,
  target: (point: Expr, vector: Expr, tile: Expr) => Place,
): Stmt[] {
  const { rows, columns, lanes } = plan;
  const [image, tileRow, vector] = [variable("image"), variable("tileRow"), variable("vector")];
  const loops = [
    { name: "image", extent: plan.imagesPerBlock },
    { name: "tileRow", extent: rows.tiles },
    { name: "vector", extent: Math.ceil(channels / lanes) },
  ];
  const vertical = side(rows);
  const horizontal = side(columns);
  return within(
    loops,
    applyTransform({
      vertical,
      horizontal,
      columns: columns.covered + horizontal[0].length - columns.outputs,
      tiles: columns.tiles,
      step: columns.outputs,
      between,
      lanes,
      source: (row, column) =>
        array.load(image, vector, add(mul(tileRow, int(rows.outputs)), int(row)), column, lane),
      target: (line, column, tile) =>
        target(pointAt(plan, line, int(column)), vector, tileIndex(plan, image, tileRow, tile)),
    }),
  );
}

/** A vector of outputs, by the tile of vectors that it is in. */
export interface OutputVector {
  readonly tile: Expr;
  readonly vector: Expr;
  /** Its number. */
  readonly index: Expr;
}

/** The products at every point, scheduled like those of any contraction: in vectors of outputs, in tiles of rows. */
export function products(
  plan: Plan,
  left: (point: Expr, row: Expr, depth: Expr) => Expr,
  right: (point: Expr, depth: Expr, output: OutputVector) => Expr,
  store: (point: Expr, row: Expr, output: OutputVector, sum: Expr) => StoreTarget,
): Stmt[] {
  const { rows, tileRows, depth } = plan.products;
  const lanes = outputLanes(plan);
  const [point, row] = [variable("point"), variable("rows")];
  const [tile, vector] = [variable(tileName(lanes)), variable(vectorName(lanes))];
  const output = { tile, vector, index: add(mul(tile, int(TILE_VECTORS)), vector) };
  const sum = reduce("sum", [{ name: "depth", extent: depth }], ([k]) =>
    mul(left(point, row, k), right(point, k, output)),
  );
  return storesUnder(
    [
      { name: "point", extent: pointsOf(plan) },
      { name: "output", extent: plan.outputs },
      { name: "rows", extent: rows },
    ],
    [store(point, row, output, sum)],
    { kind: "unroll", loop: "rows", by: tileRows },
    { kind: "vectorize", ...splitOf(lanes) },
  );
}

/** The kernel's stores, by an iteration of the data's own loop and a vector of the filter's; `sums` are `[row][column][lane]`. */
export function finish(
  plan: Plan,
  sums: ScratchArray,
  own: Expr,
  vector: Expr,
  { elements }: ChannelPart,
): Stmt[] {
  const { contraction, rows, columns, data, filter } = plan.correlation;
  const { nest, core, window } = contraction;
  const isWhole = elements === plan.lanes;
  const element = isWhole ? lane : variable("element");
  const sum = sums.load(placeIn(rows), placeIn(columns), element);
  const open = {
    ...nest,
    stores: nest.stores.map((s) => ({ ...s, value: replaceCore(s.value, core, sum) })),
  };
  const values = new Map<string, Expr>();
  if (data.own !== undefined) values.set(data.own.name, own);
  if (filter.own !== undefined) values.set(filter.own.name, elementOf(vector, plan.lanes, element));
  const stores = unrollWindows(open, window).stores.map((s) => ({
    buffer: s.buffer,
    index: substitute(s.index, values),
    value: substitute(s.value, values),
  }));
  const loops = nest.loops.filter(({ name }) => !values.has(name));
  return storesUnder([...loops, isWhole ? lanesOf(elements) : { name: "element", extent: elements }], stores);
}
