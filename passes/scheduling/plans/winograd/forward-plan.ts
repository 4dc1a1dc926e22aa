/** The plan of a convolution or an input gradient: sizes, and where everything lies in scratch. */

import { add, int, load, mul } from "../../../../src/loop/build.ts";
import type { Schedule } from "../../../../src/loop/schedule.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import type { Correlation } from "./correlation.ts";
import type { PlaneScratch } from "./fill-plane.ts";
import { type ColumnVector, TILE_VECTORS } from "./multiply.ts";
import {
  type Form,
  imagesPerBlock,
  type PointScratch,
  pointsOf,
  roundUp,
  rowMajor,
  spread,
  type TileSizes,
  type Tiling,
  tilesOf,
  tilingOf,
} from "./tiling.ts";

export interface ForwardPlan {
  readonly correlation: Correlation;
  readonly tiling: Tiling;
  readonly images: number;
  readonly imagesPerBlock: number;
  readonly blocks: number;
  readonly channels: number;
  readonly outputs: number;
  readonly lanes: number;
  /** Rows of a tile of sums; rows of all products of a block, rounded up to whole tiles. */
  readonly tileRows: number;
  readonly paddedRows: number;
  /** Padded data of a block, `name` still open. */
  readonly plane: PlaneScratch;
  /** V: a row for each tile, channels side by side. */
  readonly transformed: PointScratch;
  readonly filterLength: number;
  /** Floats from point to point of the products. */
  readonly productStride: number;
  readonly schedule: Schedule;
  rowOf(image: Expr, tileRow: Expr, tileColumn: Expr): Expr;
  factorAt(name: string, point: Expr, row: Expr, channel: Expr): Expr;
  /** Where a vector of U starts: in panels `[point][tile][channel]` of vectors that are read together. */
  filterIndex(point: Expr, channel: Expr, vector: ColumnVector): Expr;
  /** Where a vector of M starts: `[point][vector][row]`. */
  productIndex(point: Expr, vector: Expr, row: Expr): Expr;
}

export function forwardPlan(
  correlation: Correlation,
  form: Form,
  { lanes, rows: mostRows, images: inBlock }: TileSizes,
): ForwardPlan {
  const { rows, columns, dataLoop, filterLoop, shared } = correlation;
  const images = dataLoop?.extent ?? 1;
  const channels = shared?.extent ?? 1;
  const outputs = filterLoop?.extent ?? 1;
  const tiling = tilingOf(form, rows.places, columns.places);
  const tiles = tilesOf(tiling);
  const points = pointsOf(form);
  const perBlock = inBlock ?? imagesPerBlock(images, tiles, points * (channels + outputs));
  const tileRows = Math.min(mostRows, perBlock * tiles);
  const paddedRows = roundUp(perBlock * tiles, tileRows);
  const row = roundUp(channels, lanes);
  const transformed = rowMajor(points, paddedRows, row);
  const vectors = Math.ceil(outputs / lanes);
  const panel = lanes * TILE_VECTORS;
  const filterTiles = Math.ceil(vectors / TILE_VECTORS);
  const filterStride = spread(filterTiles * channels * panel);
  const productStride = spread(vectors * paddedRows * lanes);
  return {
    correlation,
    tiling,
    images,
    imagesPerBlock: perBlock,
    blocks: images / perBlock,
    channels,
    outputs,
    lanes,
    tileRows,
    paddedRows,
    plane: {
      name: "",
      images: perBlock,
      channels,
      height: tiling.dataHeight,
      width: tiling.dataWidth,
      lanes,
    },
    transformed,
    filterLength: points * filterStride,
    productStride,
    schedule: winogradSchedule("places", form, perBlock, lanes, tileRows),
    rowOf: (image, tileRow, tileColumn) =>
      add(mul(add(mul(image, int(tiling.tileRows)), tileRow), int(tiling.tileColumns)), tileColumn),
    factorAt: (name, point, at, channel) => load(name, "float32", transformed.index(point, at, channel)),
    filterIndex: (point, channel, { tile, vector }) =>
      add(
        add(mul(point, int(filterStride)), mul(add(mul(tile, int(channels)), channel), int(panel))),
        mul(vector, int(lanes)),
      ),
    productIndex: (point, vector, at) =>
      add(mul(point, int(productStride)), mul(add(mul(vector, int(paddedRows)), at), int(lanes))),
  };
}

/** The one step that Winograd's method is. */
export const winogradSchedule = (
  over: "places" | "taps",
  { rows, columns }: Form,
  images: number,
  lanes: number,
  tileRows: number,
): Schedule => [
  {
    kind: "winograd",
    over,
    outputs: [rows.outputs, columns.outputs],
    taps: [rows.taps, columns.taps],
    images,
    lanes,
    rows: tileRows,
  },
];
