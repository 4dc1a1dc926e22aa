/**
 * The stages that the kernels of all three passes share: blocks,
 * transforms of tiles, products at each point, the kernel's own stores.
 */

import { add, binary, int, mul, reduce, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { onSums } from "../../analysis/contraction.ts";
import { type Lanes, laneLoop, splitOf, tileName, vectorName } from "../../analysis/lanes.ts";
import { type GridLoop, mapStores, mapValues, nestLoops, type StoreTarget } from "../../analysis/nest.ts";
import { unrollWindows } from "../../transforms/window.ts";
import { placeIn } from "./correlation.ts";
import { type BlockPlanes, planesOf } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import { linearMap } from "./linear-map.ts";
import { type Plan, type TiledLine, tileIndex } from "./plan.ts";
import type { Matrix } from "./transform-matrices.ts";
import {
  type ChannelPart,
  elementOf,
  lane,
  type Place,
  type ScratchArray,
  storesUnder,
  type Workspace,
} from "./workspace.ts";

/** The outputs in tiles of vectors; the last vector may reach beyond them. */
export const outputLanes = ({ outputs, lanes, step }: Plan): Lanes => ({
  loop: "output",
  extent: outputs,
  width: lanes,
  vectors: step.vectors,
  padded: true,
});

/** An element of a vector of outputs; beyond the last output, that one again, whose results are not used. */
export const outputAt = (plan: Plan, vector: Expr, element: Expr = lane): Expr =>
  knownOutput(plan, elementOf(vector, plan.lanes, element), plan.lanes);

/** An output counted in steps of `width`, the last of which may reach beyond them. */
export const knownOutput = ({ outputs }: Plan, output: Expr, width: number): Expr =>
  outputs % width === 0 ? output : binary("min", output, int(outputs - 1));

export const pointAt = ({ columns }: Plan, row: Expr, column: Expr): Expr =>
  add(mul(row, int(columns.points)), column);

export interface StripTransform {
  /** Names the scratch between the passes. */
  readonly name: string;
  readonly vertical: Matrix;
  readonly horizontal: Matrix;
  /** Columns of the strip; tiles along it, each so many columns after the one before. */
  readonly columns: number;
  readonly tiles?: number;
  readonly step?: number;
  /** Adjacent vectors, with `vector` as the index of the current one: none unless given. */
  readonly vectors?: number;
  readonly lanes: number;
  /** An element of the strip, which has as many rows as `vertical` has columns. */
  source(row: number, column: Expr): Expr;
  /** The destination of element `column` of line `line` of a tile. */
  target(line: Expr, column: number, tile: Expr): Place;
}

/** Tiles transformed in two passes: down the columns of a strip into a little scratch, then along its lines. */
export function transformStrip(workspace: Workspace, t: StripTransform): Stmt[] {
  const { vertical, horizontal, columns, vectors, lanes, tiles = 1, step = 0 } = t;
  const between = workspace.array(t.name, [vertical.length, columns, vectors ?? 1, lanes]);
  const vector = vectors === undefined ? int(0) : variable("vector");
  const inside = [
    ...(vectors === undefined ? [] : [{ name: "vector", extent: vectors }]),
    ...laneLoop(lanes),
  ];
  const [column, line, tile] = [variable("column"), variable("line"), variable("tile")];
  const strip = vertical[0].map((_, row) => t.source(row, column));
  const down = linearMap(vertical, strip).map((value, k) => ({
    ...between.at(int(k), column, vector, lane),
    value,
  }));
  const data = horizontal[0].map((_, k) =>
    between.load(line, add(mul(tile, int(step)), int(k)), vector, lane),
  );
  const along = linearMap(horizontal, data).map((value, k) => ({ ...t.target(line, k, tile), value }));
  const lines = { name: "line", extent: vertical.length };
  return [
    ...storesUnder([{ name: "column", extent: columns }, ...inside], down),
    ...storesUnder([{ name: "tile", extent: tiles }, lines, ...inside], along),
  ];
}

/** Transforms every tile of the planes of a block to its points. */
export function transformTiles(
  plan: Plan,
  workspace: Workspace,
  { array, channels }: BlockPlanes,
  side: (line: TiledLine) => Matrix,
  target: (point: Expr, vector: Expr, tile: Expr) => Place,
): Stmt[] {
  const { rows, columns, lanes } = plan;
  const [image, tileRow, vector] = [variable("image"), variable("tileRow"), variable("vector")];
  const loops = [
    { name: "image", extent: plan.imagesPerBlock },
    { name: "tileRow", extent: rows.tiles },
    { name: "vector", extent: Math.ceil(channels / lanes) },
  ];
  const [vertical, horizontal] = [side(rows), side(columns)];
  const transform = transformStrip(workspace, {
    name: `${array.name}_strip`,
    vertical,
    horizontal,
    columns: columns.covered - columns.outputs + horizontal[0].length,
    tiles: columns.tiles,
    step: columns.outputs,
    lanes,
    source: (row, column) =>
      array.load(image, vector, add(mul(tileRow, int(rows.outputs)), int(row)), column, lane),
    target: (line, column, tile) =>
      target(pointAt(plan, line, int(column)), vector, tileIndex(plan, image, tileRow, tile)),
  });
  return nestLoops(loops, transform, "serial");
}

/** The planes of a block's data, and their tiles transformed to `V = Bᵀ·d·B`. */
export function transformedData(plan: Plan, workspace: Workspace) {
  const { correlation, rows, columns, channels, lanes, factors } = plan;
  const data = planesOf(plan, workspace, "data", correlation.data, channels, [rows.needed, columns.needed]);
  const v = workspace.array("factors", [factors.rows, factors.columns], { matrices: [pointsOf(plan)] });
  const transformed = transformTiles(
    plan,
    workspace,
    data,
    (line) => line.data,
    (point, vector, tile) => v.at(point, tile, elementOf(vector, lanes)),
  );
  return { data, v, transformed };
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
  const { rows, depth } = plan.products;
  const lanes = outputLanes(plan);
  const [point, row] = [variable("point"), variable("rows")];
  const [tile, vector] = [variable(tileName(lanes)), variable(vectorName(lanes))];
  const output = { tile, vector, index: add(mul(tile, int(plan.step.vectors)), vector) };
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
    { kind: "unroll", loop: "rows", by: plan.step.rows },
    { kind: "vectorize", ...splitOf(lanes) },
  );
}

/**
 * The kernel's stores, by an iteration of the data's own loop and a
 * vector of the filter's; `sums` are `[row][column][lane]`.
 */
export function finish(plan: Plan, sums: ScratchArray, own: Expr, { vector, elements }: ChannelPart): Stmt[] {
  const isWhole = elements === plan.lanes;
  const element = isWhole ? lane : variable("element");
  return finishAt(plan, {
    sum: (row, column) => sums.load(row, column, element),
    own,
    output: elementOf(vector, plan.lanes, element),
    inside: isWhole ? laneLoop(elements) : [{ name: "element", extent: elements }],
  });
}

/**
 * Where sums are, which iterations of both own loops they belong to, and the loops around the places and inside them.
 */
export interface Finish {
  sum(row: Expr, column: Expr): Expr;
  readonly own: Expr;
  readonly output: Expr;
  readonly outside?: readonly GridLoop[];
  readonly inside: readonly GridLoop[];
}

/** The kernel's stores of sums at all places. */
export function finishAt(plan: Plan, { sum, own, output, outside = [], inside }: Finish): Stmt[] {
  const { contraction, rows, columns, data, filter } = plan.correlation;
  const { nest, core, window } = contraction;
  const found = sum(placeIn(rows), placeIn(columns));
  const open = mapValues(
    nest,
    onSums(core.axes, () => found),
  );
  const values = new Map<string, Expr>();
  if (data.own !== undefined) values.set(data.own.name, own);
  if (filter.own !== undefined) values.set(filter.own.name, output);
  const { loops, stores } = mapStores(unrollWindows(open, window), (e) => substitute(e, values));
  const places = loops.filter(({ name }) => !values.has(name));
  return storesUnder([...outside, ...places, ...inside], stores);
}
