/** A loop cut into vectors of lanes, and vectors into tiles: where each vector starts, remainders included. */

import { add, binary, int, mul, variable } from "../../../src/loop/build.ts";
import type { VectorSplit } from "../../../src/loop/schedule.ts";
import type { Expr } from "../../../src/loop/types.ts";
import type { GridLoop } from "./nest.ts";

export interface Lanes {
  readonly loop: string;
  readonly extent: number;
  /** Lanes in one vector. */
  readonly width: number;
  /** Vectors in one tile. */
  readonly vectors: number;
  /**
   * What happens with an extent that the width does not divide. If padded, the last vector reaches beyond it, into
   * zeros; otherwise it is moved back and computes some elements twice, which needs one whole vector.
   */
  readonly padded: boolean;
}

/** How the loop is cut, in the form of a schedule's step. */
export const splitOf = ({ loop, vectors, width, padded }: Lanes): VectorSplit => ({
  loop,
  vectors,
  lanes: width,
  tail: padded ? "padded" : "shifted",
});

/** The variable of the vector loop; its lanes run together. */
export const LANE = "lane";

/** The loop over the lanes of one vector, and the current lane; none if a vector is a single element. */
export const laneLoop = (width: number): readonly GridLoop[] =>
  width === 1 ? [] : [{ name: LANE, extent: width, loop: "vector" }];
export const laneIn = (width: number): Expr => (width === 1 ? int(0) : variable(LANE));

export const vectorCount = ({ extent, width }: Lanes): number => Math.ceil(extent / width);
export const tileCount = (lanes: Lanes): number => Math.ceil(vectorCount(lanes) / lanes.vectors);
export const tileWidth = ({ width, vectors }: Lanes): number => width * vectors;

/** Whether whole tiles are filled up with zeros beyond the loop's end. */
export const reachesBeyond = (lanes: Lanes): boolean =>
  lanes.padded && tileCount(lanes) * tileWidth(lanes) > lanes.extent;

/** Placeholder names of the tile and of the vector within it until a tile is written out. */
export const tileName = ({ loop }: Lanes): string => `${loop}?tile`;
export const vectorName = ({ loop }: Lanes): string => `${loop}?vector`;

/** Where vector `index` starts. */
const startOf = ({ extent, width, padded }: Lanes, index: number): number =>
  padded ? index * width : Math.min(index * width, extent - width);

/** The same for a vector that is known at run time: `vector` of tile `tile`. */
export function startAt(lanes: Lanes, tile: Expr, vector: Expr): Expr {
  const start = add(mul(tile, int(tileWidth(lanes))), mul(vector, int(lanes.width)));
  const last = lanes.extent - lanes.width;
  const reach = tileCount(lanes) * tileWidth(lanes) - lanes.width;
  return lanes.padded || reach <= last ? start : binary("min", start, int(last));
}

/** Tiles of one shape: how often they run, and what each of their vectors stands for. */
export interface LanePart {
  readonly iterations: number;
  readonly vectors: readonly ReadonlyMap<string, Expr>[];
}

/** Whole tiles and the remainder; a tile's number is the value of the cut loop's own variable. */
export function lanePartsOf(lanes: Lanes): LanePart[] {
  const { loop, extent, width, vectors, padded } = lanes;
  const total = vectorCount(lanes);
  const aligned = padded ? total : Math.floor(extent / width);
  const whole = Math.floor(aligned / vectors);
  const parts: LanePart[] = [];
  const lane = laneIn(width);
  const at = (tile: Expr, vector: number, start: Expr): ReadonlyMap<string, Expr> =>
    new Map([
      [loop, add(start, lane)],
      [tileName(lanes), tile],
      [vectorName(lanes), int(vector)],
    ]);
  if (whole > 0) {
    const tile = whole === 1 ? int(0) : variable(loop);
    parts.push({
      iterations: whole,
      vectors: Array.from({ length: vectors }, (_, k) =>
        at(tile, k, add(mul(tile, int(tileWidth(lanes))), int(k * width))),
      ),
    });
  }
  const first = whole * vectors;
  if (first < total) {
    parts.push({
      iterations: 1,
      vectors: Array.from({ length: total - first }, (_, k) =>
        at(int(whole), k, int(startOf(lanes, first + k))),
      ),
    });
  }
  return parts;
}
