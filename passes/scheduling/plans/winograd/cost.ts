/**
 * What Winograd's way costs: every transform's arithmetic counted, the products as tiles are elsewhere, and what the
 * second-level cache has to bring. In multiply-adds of vectors, as in `vector-cost.ts`.
 */

import { local } from "../../../../src/loop/build.ts";
import { Interner } from "../../../../src/loop/intern.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import { visitExpr } from "../../../../src/loop/walk.ts";
import { iterationCost, MULTIPLY_ADD } from "../vector-cost.ts";
import type { Correlation } from "./correlation.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { linearMap } from "./linear-map.ts";
import { TILE_VECTORS } from "./multiply.ts";
import { pointsOf, type Tiling, tilesOf } from "./tiling.ts";
import { type Matrix, transposed } from "./transform-matrices.ts";
import type { WeightPlan } from "./weight-plan.ts";

/** One addition or multiplication, a load and a store of a vector, and the iteration of a loop, in multiply-adds. */
const OPERATION = 0.5;
const LOAD = 0.5;
const STORE = 1;
const ITERATION = 2;

/** Putting a vector together from single elements, and storing one whose elements lie apart. */
const GATHER = 10;
const SCATTER = 6;

/** Copying one element that has to be computed or chosen. */
const IRREGULAR = 10;

/** Starting a tile of sums. */
const TILE_START = 8;

/** What a byte costs that the first-level, and one that the second-level cache does not hold. */
const BYTE = 1 / 64;
const FAR_BYTE = 1 / 20;
const SECOND_LEVEL = 1_500_000;

/** Operations and stores of a matrix times a vector, as `linearMap` arranges them. */
const operationsOf = new Map<Matrix, number>();

function mapCost(matrix: Matrix, load: number): number {
  let operations = operationsOf.get(matrix);
  if (operations === undefined) {
    const interner = new Interner();
    const seen = new Set<Expr>();
    const values = matrix[0].map((_, k) => local(`x${k}`, "float32"));
    for (const e of linearMap(matrix, values)) visitExpr(interner.intern(e), () => undefined, seen);
    operations = [...seen].filter((e) => e.kind === "binary").length;
    operationsOf.set(matrix, operations);
  }
  return OPERATION * operations + load * matrix[0].length + STORE * matrix.length + ITERATION;
}

/** Both passes over `columns` columns and `tiles` tiles. */
const stripCost = (
  vertical: Matrix,
  horizontal: Matrix,
  columns: number,
  tiles: number,
  load = LOAD,
): number => columns * mapCost(vertical, load) + tiles * vertical.length * mapCost(horizontal, LOAD);

/** All tiles of one vector of channels of one image. */
const planeCost = (t: Tiling, vertical: Matrix, horizontal: Matrix, columns: number): number =>
  t.tileRows * stripCost(vertical, horizontal, columns, t.tileColumns);

/** Copying a vector of columns to elements that lie apart, with zeros around; element by element where no pattern shows. */
function fillCost(elements: number, lanes: number, factor: Expr, isSparse: boolean): number {
  const isPlain = factor.kind === "load" || (factor.kind === "select" && factor.a.kind === "load");
  if (!isPlain && !isSparse) return elements * IRREGULAR;
  return (elements / lanes) * (SCATTER + LOAD + STORE + (isSparse ? 4 * OPERATION : 0));
}

/** So many small products of rows × depth × columns. */
function productCost(
  {
    points,
    rowTiles,
    tileRows,
    vectors,
    depth,
  }: Readonly<Record<"points" | "rowTiles" | "tileRows" | "vectors" | "depth", number>>,
  storeCost: number,
): number {
  const tile = (count: number): number =>
    depth * iterationCost(count * tileRows, count, tileRows) + TILE_START + storeCost * count * tileRows;
  const whole = Math.floor(vectors / TILE_VECTORS);
  const rest = vectors % TILE_VECTORS;
  return points * rowTiles * (whole * tile(TILE_VECTORS) + (rest > 0 ? tile(rest) : 0));
}

/** The kernel's own stores: what its window reads, and lanes that lie apart. */
function finishCost({ contraction: { nest, window } }: Correlation, lanes: number): number {
  const outputs = nest.loops.reduce((n, l) => n * l.extent, 1);
  const taps = window.reduce((n, axis) => n * axis.extent, 1);
  return (outputs / lanes) * (nest.stores.length * SCATTER + taps * (LOAD + 2 * OPERATION) + ITERATION);
}

/** Weighing the windows of an image: pixels channel by channel, sums of rows and columns, a comparison for each place. */
function checkCost({
  tiling: { form },
  lanes,
  channels,
  correlation: { rows, columns },
}: ForwardPlan): number {
  const pixel = Math.ceil(channels / lanes) * (2 * LOAD + 3 * OPERATION) + lanes * (LOAD + OPERATION) + STORE;
  const sums = (form.rows.taps + form.columns.taps) * (LOAD + OPERATION) + 2 * STORE;
  const place = LOAD + 6 * OPERATION;
  const pixels = (rows.places + form.rows.taps - 1) * (columns.places + form.columns.taps - 1);
  return pixels * (pixel + sums / lanes) + rows.places * columns.places * place;
}

/** What moving a block's factors and products through the caches costs, for one block. */
const trafficCost = (own: number, shared: number): number =>
  4 * (own + shared) * (BYTE + (4 * (own + shared) > SECOND_LEVEL ? FAR_BYTE : 0));

/** The cost of a convolution or an input gradient in the scheduler's unit. */
export function forwardCost(plan: ForwardPlan): number {
  const { correlation, tiling, lanes, channels, outputs, images, blocks } = plan;
  const { rows, columns } = tiling.form;
  const points = pointsOf(tiling.form);
  const [channelVectors, outputVectors] = [Math.ceil(channels / lanes), Math.ceil(outputs / lanes)];
  const weighed = rows.taps * columns.taps * (LOAD + 2 * OPERATION);
  const filter =
    channels * outputVectors * (stripCost(rows.filter, columns.filter, columns.taps, 1, GATHER) + weighed);
  const fill = fillCost(
    channelVectors * lanes * tiling.dataHeight * tiling.dataWidth,
    lanes,
    correlation.data,
    correlation.sparseData !== undefined,
  );
  const data = channelVectors * planeCost(tiling, rows.data, columns.data, tiling.dataWidth);
  const inverse =
    outputVectors * tilesOf(tiling) * stripCost(rows.inverse, columns.inverse, columns.points, 1);
  const products = productCost(
    {
      points,
      rowTiles: plan.paddedRows / plan.tileRows,
      tileRows: plan.tileRows,
      vectors: outputVectors,
      depth: channels,
    },
    STORE,
  );
  const traffic = trafficCost(
    2 * points * plan.paddedRows * (channels + outputs),
    points * channels * outputs,
  );
  return (
    MULTIPLY_ADD *
    (filter +
      images * (fill + checkCost(plan) + data + inverse) +
      blocks * (products + traffic) +
      finishCost(correlation, lanes))
  );
}

/** The cost of a weight gradient in the scheduler's unit. */
export function weightCost(plan: WeightPlan): number {
  const { correlation, tiling, lanes, channels, outputs, images, groups, blocksPerGroup } = plan;
  const { rows, columns } = tiling.form;
  const points = pointsOf(tiling.form);
  const [channelVectors, outputVectors] = [Math.ceil(channels / lanes), Math.ceil(outputs / lanes)];
  const [down, along] = [transposedOnce(rows.inverse), transposedOnce(columns.inverse)];
  const fill =
    fillCost(channelVectors * lanes * tiling.dataHeight * tiling.dataWidth, lanes, correlation.data, false) +
    fillCost(
      outputVectors * lanes * tiling.height * tiling.width,
      lanes,
      correlation.filter,
      correlation.sparseFilter !== undefined,
    );
  const transforms =
    channelVectors * planeCost(tiling, rows.data, columns.data, tiling.dataWidth) +
    outputVectors * planeCost(tiling, down, along, tiling.width);
  const products = productCost(
    {
      points,
      rowTiles: plan.paddedChannels / plan.tileRows,
      tileRows: plan.tileRows,
      vectors: outputVectors,
      depth: plan.transformed.rows,
    },
    blocksPerGroup > 1 ? STORE + LOAD + OPERATION : STORE,
  );
  const sums = points * channels * outputs;
  const traffic = trafficCost(2 * points * plan.transformed.rows * (channels + outputs), 2 * sums);
  const last =
    channels *
      outputVectors *
      stripCost(
        transposedOnce(rows.filter),
        transposedOnce(columns.filter),
        columns.points,
        1,
        groups * (LOAD + OPERATION),
      ) +
    4 * sums * groups * BYTE;
  return (
    MULTIPLY_ADD *
    (images * (fill + transforms) +
      groups * blocksPerGroup * (products + traffic) +
      last +
      finishCost(correlation, lanes))
  );
}

const turned = new Map<Matrix, Matrix>();

/** The same object for the same matrix. */
function transposedOnce(matrix: Matrix): Matrix {
  const known = turned.get(matrix) ?? transposed(matrix);
  turned.set(matrix, known);
  return known;
}
