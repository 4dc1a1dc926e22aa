/**
 * The plan of a correlation by Winograd's method: how planes are cut into tiles, tiles into blocks of images, and how
 * large the small matrix products are. A convolution and an input gradient have few taps and tile the places; a weight
 * gradient has few places and tiles the taps, the output gradient.
 */

import { add, int, mul, variable } from "../../../../src/loop/build.ts";
import type { Schedule, Step } from "../../../../src/loop/schedule.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import type { Correlation } from "./correlation.ts";
import { type Form, pointsOf } from "./forms.ts";
import type { Transform } from "./transform-matrices.ts";
import { spread, within } from "./workspace.ts";

/** One dimension of a tiled plane; the last tile may reach beyond it. */
export interface TiledLine extends Transform {
  /** How long the plane is, and how many tiles cover it. */
  readonly extent: number;
  readonly tiles: number;
  /** What the tiles cover, and the data that they need. */
  readonly covered: number;
  readonly needed: number;
}

export interface Plan {
  readonly correlation: Correlation;
  readonly over: "places" | "taps";
  readonly rows: TiledLine;
  readonly columns: TiledLine;
  readonly images: number;
  readonly channels: number;
  readonly outputs: number;
  readonly lanes: number;
  /** Images that are transformed together. Blocks are added up one after the other in a group, if they are added up. */
  readonly imagesPerBlock: number;
  readonly blocksPerGroup: number;
  readonly groups: number;
  readonly products: Products;
  /** Rows and columns of the transformed data at each point: a row for each tile, channels side by side. */
  readonly factors: { readonly rows: number; readonly columns: number };
  readonly schedule: Schedule;
}

/** At each point, so many rows times the outputs, summed over `depth`. */
export interface Products {
  /** Rounded up to whole tiles of `tileRows`. */
  readonly rows: number;
  readonly tileRows: number;
  readonly depth: number;
}

/** What a plan leaves to the machine: lanes, rows of a tile of products, and images in one block where that is decided. */
export interface TileSizes {
  readonly lanes: number;
  readonly rows: number;
  readonly images?: number;
}

/** Floats of a block's transformed data and products: about half of a second-level cache. */
const BLOCK_FLOATS = 300_000;

/** Floats that they may have at most, for each thread has a block: an image is never cut. */
const MOST_BLOCK_FLOATS = 4_000_000;

/** Tiles from which on a block gains nothing from being larger. */
const ENOUGH_TILES = 64;

/** Blocks, or groups of them, that there should be for threads to share. */
const SHARES = 4;

export function planOf(
  correlation: Correlation,
  over: "places" | "taps",
  form: Form,
  { lanes, rows: mostRows, images: inBlock }: TileSizes,
): Plan {
  const { data, filter } = correlation;
  const [own, summed] = [data.own?.extent ?? 1, data.shared?.extent ?? 1];
  const [images, channels] = over === "places" ? [own, summed] : [summed, own];
  const outputs = filter.own?.extent ?? 1;
  const [rows, columns] = (["rows", "columns"] as const).map((k) => {
    const { places, tap } = correlation[k];
    return tiled(form[k], over === "places" ? places : tap.extent);
  });
  const tiles = rows.tiles * columns.tiles;
  const imagesPerBlock = inBlock ?? imagesIn(images, tiles, pointsOf(form) * (channels + outputs));
  const blocks = images / imagesPerBlock;
  const groups = over === "places" ? blocks : largestDivisor(blocks, SHARES);
  const inBlocks = imagesPerBlock * tiles;
  const [height, depth] = over === "places" ? [inBlocks, channels] : [channels, inBlocks];
  const tileRows = Math.min(mostRows, height);
  const products = { rows: roundUp(height, tileRows), tileRows, depth };
  const padded = roundUp(channels, lanes);
  const step: Step = {
    kind: "winograd",
    over,
    outputs: [rows.outputs, columns.outputs],
    taps: [rows.taps, columns.taps],
    images: imagesPerBlock,
    lanes,
    rows: tileRows,
  };
  return {
    correlation,
    over,
    rows,
    columns,
    images,
    channels,
    outputs,
    lanes,
    imagesPerBlock,
    blocksPerGroup: blocks / groups,
    groups,
    products,
    factors:
      over === "places"
        ? { rows: products.rows, columns: padded }
        : { rows: inBlocks, columns: Math.max(padded, products.rows) },
    schedule: [step],
  };
}

function tiled(form: Transform, extent: number): TiledLine {
  const tiles = Math.ceil(extent / form.outputs);
  const covered = tiles * form.outputs;
  return { ...form, extent, tiles, covered, needed: covered + form.taps - 1 };
}

/** Images in one block: a divisor of their number. */
function imagesIn(images: number, tiles: number, floatsPerTile: number): number {
  const most = Math.min(
    Math.floor(ENOUGH_TILES / tiles),
    Math.floor(BLOCK_FLOATS / (tiles * floatsPerTile)),
    Math.floor(images / SHARES),
  );
  return largestDivisor(images, most);
}

function largestDivisor(of: number, most: number): number {
  for (let divisor = most; divisor > 1; divisor--) if (of % divisor === 0) return divisor;
  return 1;
}

export const roundUp = (count: number, to: number): number => Math.ceil(count / to) * to;

/** Whether the transformed data of a block, and what they are multiplied with or to, fit what a thread may have. */
export function fitsBlock(plan: Plan): boolean {
  const { factors, outputs, lanes } = plan;
  const floats = spread(factors.rows * factors.columns) + spread(factors.rows * roundUp(outputs, lanes));
  return pointsOf(plan) * floats <= MOST_BLOCK_FLOATS;
}

/** The number of a tile in its block. */
export const tileIndex = ({ rows, columns }: Plan, image: Expr, row: Expr, column: Expr): Expr =>
  add(mul(add(mul(image, int(rows.tiles)), row), int(columns.tiles)), column);

/** The loops over blocks around what is done with each. */
export function overBlocks({ groups, blocksPerGroup }: Plan, body: readonly Stmt[]): Stmt[] {
  const blocks = blocksPerGroup === 1 ? [] : [{ name: "block", extent: blocksPerGroup }];
  return within([{ name: "group", extent: groups, loop: "grid" }, ...blocks], body);
}

/** The image that an image of a block is. */
export function imageAt({ blocksPerGroup, imagesPerBlock }: Plan, image: Expr): Expr {
  const group = variable("group");
  const block = blocksPerGroup === 1 ? group : add(mul(group, int(blocksPerGroup)), variable("block"));
  return add(mul(block, int(imagesPerBlock)), image);
}
