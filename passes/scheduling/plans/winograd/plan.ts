/**
 * The plan of a correlation by Winograd's method: how planes are cut into tiles, tiles into blocks of images, and how
 * large the small matrix products are. A convolution and an input gradient have few taps and tile the places; a weight
 * gradient has few places and tiles the taps, the output gradient.
 */

import { add, int, mul, variable } from "../../../../src/loop/build.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { Step } from "../../../../src/loop/schedule.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { nestLoops } from "../../analysis/nest.ts";
import type { Correlation } from "./correlation.ts";
import { type Form, formOf, pointsOf } from "./forms.ts";
import type { Transform } from "./transform-matrices.ts";
import { spread } from "./workspace.ts";

export type WinogradStep = Extract<Step, { kind: "winograd" }>;

/** One dimension of a tiled plane; the last tile may reach beyond it. */
export interface TiledLine extends Transform {
  /** The length of the plane, and how many tiles cover it. */
  readonly extent: number;
  readonly tiles: number;
  /** The outputs that the tiles cover, and the data that they need. */
  readonly covered: number;
  readonly needed: number;
}

/** The sizes of a correlation in tiles, before anything is decided about blocks. */
interface Sizes {
  readonly over: WinogradStep["over"];
  readonly rows: TiledLine;
  readonly columns: TiledLine;
  readonly images: number;
  readonly channels: number;
  readonly outputs: number;
}

export interface Plan extends Sizes {
  readonly correlation: Correlation;
  readonly step: WinogradStep;
  readonly lanes: number;
  /** Images that are transformed together. Blocks that are summed are added one after the other within a group. */
  readonly imagesPerBlock: number;
  readonly blocksPerGroup: number;
  readonly groups: number;
  /** At each point, so many rows times the outputs, summed over `depth`; rows are rounded up to whole tiles. */
  readonly products: { readonly rows: number; readonly depth: number };
  /** Rows and columns of the transformed data at each point: a row for each tile, channels contiguous. */
  readonly factors: { readonly rows: number; readonly columns: number };
}

/** Adjacent vectors in a tile of sums. */
const TILE_VECTORS = 2;

/**
 * The step that runs a correlation on a machine: blocks that stay in its caches, tiles of sums that fill its registers.
 */
export function stepFor(
  correlation: Correlation,
  over: WinogradStep["over"],
  { rows, columns }: Form,
  { vectorWidth: lanes, registers, memory: { blocks: limits } }: Machine,
): WinogradStep {
  const [outputs, taps] = [
    [rows.outputs, columns.outputs],
    [rows.taps, columns.taps],
  ] as const;
  const sizes = sizesOf(correlation, over, { rows, columns });
  const tiles = sizes.rows.tiles * sizes.columns.tiles;
  const bytesPerImage = 4 * tiles * pointsOf(sizes) * (sizes.channels + sizes.outputs);
  const most = Math.min(
    Math.floor(limits.tiles / tiles),
    Math.floor(limits.bytes / bytesPerImage),
    Math.floor(sizes.images / limits.shares),
  );
  const images = largestDivisor(sizes.images, most);
  const blocks = sizes.images / images;
  const groups = over === "places" ? blocks : largestDivisor(blocks, limits.shares);
  // Sums, vectors and splatted elements fit the registers. Five rows, if engines keep loads in place, measured slower.
  const mostRows = Math.max(1, Math.floor((registers - TILE_VECTORS) / (TILE_VECTORS + 1)));
  const height = over === "places" ? images * tiles : sizes.channels;
  return {
    kind: "winograd",
    over,
    outputs,
    taps,
    images,
    groups,
    rows: Math.min(mostRows, height),
    vectors: TILE_VECTORS,
    lanes,
  };
}

export function planOf(correlation: Correlation, step: WinogradStep): Plan {
  const sizes = sizesOf(correlation, step.over, formOf(step.outputs, step.taps));
  const { rows, columns, images, channels } = sizes;
  const tiles = step.images * rows.tiles * columns.tiles;
  const padded = roundUp(channels, step.lanes);
  const shared = {
    ...sizes,
    correlation,
    step,
    lanes: step.lanes,
    imagesPerBlock: step.images,
    blocksPerGroup: images / step.images / step.groups,
    groups: step.groups,
  };
  if (step.over === "places") {
    const products = { rows: roundUp(tiles, step.rows), depth: channels };
    return { ...shared, products, factors: { rows: products.rows, columns: padded } };
  }
  const products = { rows: roundUp(channels, step.rows), depth: tiles };
  return { ...shared, products, factors: { rows: tiles, columns: Math.max(padded, products.rows) } };
}

function sizesOf({ data, filter, ...lines }: Correlation, over: WinogradStep["over"], form: Form): Sizes {
  const [own, summed] = [data.own?.extent ?? 1, data.shared?.extent ?? 1];
  const [images, channels] = over === "places" ? [own, summed] : [summed, own];
  const [rows, columns] = (["rows", "columns"] as const).map((k) => {
    const { places, tap } = lines[k];
    return tiled(form[k], over === "places" ? places : tap.extent);
  });
  return { over, rows, columns, images, channels, outputs: filter.own?.extent ?? 1 };
}

function tiled(form: Transform, extent: number): TiledLine {
  const tiles = Math.ceil(extent / form.outputs);
  const covered = tiles * form.outputs;
  return { ...form, extent, tiles, covered, needed: covered + form.taps - 1 };
}

export function largestDivisor(of: number, most: number): number {
  for (let divisor = most; divisor > 1; divisor--) if (of % divisor === 0) return divisor;
  return 1;
}

export const roundUp = (count: number, to: number): number => Math.ceil(count / to) * to;

/** Whether the transformed data of a block, and their factors and products, fit what a thread may have. */
export function fitsBlock(plan: Plan, { memory }: Machine): boolean {
  const { factors, outputs, lanes } = plan;
  const floats = spread(factors.rows * factors.columns) + spread(factors.rows * roundUp(outputs, lanes));
  return 4 * pointsOf(plan) * floats <= memory.blocks.mostBytes;
}

/** The number of a tile in its block. */
export const tileIndex = ({ rows, columns }: Plan, image: Expr, row: Expr, column: Expr): Expr =>
  add(mul(add(mul(image, int(rows.tiles)), row), int(columns.tiles)), column);

/** The loops over blocks around `body`. */
export function overBlocks({ groups, blocksPerGroup }: Plan, body: readonly Stmt[]): Stmt[] {
  const blocks = blocksPerGroup === 1 ? [] : [{ name: "block", extent: blocksPerGroup }];
  return nestLoops([{ name: "group", extent: groups, loop: "grid" }, ...blocks], body, "serial");
}

/** The image's index for an image of a block. */
export function imageAt({ blocksPerGroup, imagesPerBlock }: Plan, image: Expr): Expr {
  const group = variable("group");
  const block = blocksPerGroup === 1 ? group : add(mul(group, int(blocksPerGroup)), variable("block"));
  return add(mul(block, int(imagesPerBlock)), image);
}
