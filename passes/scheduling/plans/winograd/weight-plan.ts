/**
 * The plan of a weight gradient: here the taps are the many and the places the few, so that tiles of taps (the output
 * gradient) meet tiles of data, and sums run over all tiles of all images.
 */

import { add, int, mul } from "../../../../src/loop/build.ts";
import type { Schedule } from "../../../../src/loop/schedule.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import type { Correlation } from "./correlation.ts";
import type { PlaneScratch } from "./fill-plane.ts";
import { winogradSchedule } from "./forward-plan.ts";
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

export interface WeightPlan {
  readonly correlation: Correlation;
  readonly tiling: Tiling;
  readonly images: number;
  readonly imagesPerBlock: number;
  /** Blocks are summed up in groups, one after the other; groups are added in order at the end. */
  readonly groups: number;
  readonly blocksPerGroup: number;
  readonly channels: number;
  readonly outputs: number;
  readonly lanes: number;
  /** Channels in one tile of sums; their number rounded up to whole tiles. */
  readonly tileRows: number;
  readonly paddedChannels: number;
  /** Data and output gradient of a block, `name`s still open. */
  readonly data: PlaneScratch;
  readonly gradient: PlaneScratch;
  /** V: a row for each tile, channels side by side. */
  readonly transformed: PointScratch;
  /** Floats from point to point of the transformed gradient. */
  readonly gradientStride: number;
  /** Sums of one group: a row for each channel, outputs side by side. */
  readonly sums: PointScratch;
  readonly schedule: Schedule;
  rowOf(image: Expr, tileRow: Expr, tileColumn: Expr): Expr;
  /** Where a vector of the transformed gradient starts: `[point][vector][tile]`. */
  gradientIndex(point: Expr, vector: Expr, row: Expr): Expr;
}

/** Groups that there should be, for threads to share. */
const MOST_GROUPS = 4;

export function weightPlan(
  correlation: Correlation,
  form: Form,
  { lanes, rows: mostRows, images: inBlock }: TileSizes,
): WeightPlan {
  const { rows, columns, dataLoop, filterLoop, shared } = correlation;
  const images = shared?.extent ?? 1;
  const channels = dataLoop?.extent ?? 1;
  const outputs = filterLoop?.extent ?? 1;
  const tiling = tilingOf(form, rows.tap.extent, columns.tap.extent);
  const tiles = tilesOf(tiling);
  const points = pointsOf(form);
  const perBlock = inBlock ?? imagesPerBlock(images, tiles, points * (channels + outputs));
  const blocks = images / perBlock;
  const groups = largestDivisor(blocks, MOST_GROUPS);
  const tileRows = Math.min(mostRows, channels);
  const paddedChannels = roundUp(channels, tileRows);
  const vectors = Math.ceil(outputs / lanes);
  const gradientStride = spread(vectors * perBlock * tiles * lanes);
  return {
    correlation,
    tiling,
    images,
    imagesPerBlock: perBlock,
    groups,
    blocksPerGroup: blocks / groups,
    channels,
    outputs,
    lanes,
    tileRows,
    paddedChannels,
    data: {
      name: "",
      images: perBlock,
      channels,
      height: tiling.dataHeight,
      width: tiling.dataWidth,
      lanes,
    },
    gradient: {
      name: "",
      images: perBlock,
      channels: outputs,
      height: tiling.height,
      width: tiling.width,
      lanes,
    },
    transformed: rowMajor(points, perBlock * tiles, Math.max(roundUp(channels, lanes), paddedChannels)),
    gradientStride,
    sums: rowMajor(points, paddedChannels, vectors * lanes),
    schedule: winogradSchedule("taps", form, perBlock, lanes, tileRows),
    rowOf: (image, tileRow, tileColumn) =>
      add(mul(add(mul(image, int(tiling.tileRows)), tileRow), int(tiling.tileColumns)), tileColumn),
    gradientIndex: (point, vector, row) =>
      add(mul(point, int(gradientStride)), mul(add(mul(vector, int(perBlock * tiles)), row), int(lanes))),
  };
}

function largestDivisor(of: number, most: number): number {
  for (let divisor = most; divisor > 1; divisor--) if (of % divisor === 0) return divisor;
  return 1;
}
