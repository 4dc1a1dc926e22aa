/**
 * What Winograd's way costs: every transform's arithmetic counted, the products as tiles are elsewhere, and what the
 * second-level cache has to bring. In multiply-adds of vectors, as in `vector-cost.ts`.
 */

import { local } from "../../../../src/loop/build.ts";
import { Interner } from "../../../../src/loop/intern.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import { visitExpr } from "../../../../src/loop/walk.ts";
import { iterationCost, MULTIPLY_ADD } from "../vector-cost.ts";
import type { Correlation } from "./correlation.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { linearMap } from "./linear-map.ts";
import { TILE_VECTORS } from "./multiply.ts";
import { pointsOf, type Tiling, tilesOf } from "./tiling.ts";
import type { Matrix } from "./transform-matrices.ts";
import type { WeightPlan } from "./weight-plan.ts";

/** Operations and stores of a matrix times a vector, as `linearMap` arranges them. */
const operationsOf = new Map<Matrix, number>();

function mapCost({ costs: { transform } }: Machine, matrix: Matrix, load: number): number {
  let operations = operationsOf.get(matrix);
  if (operations === undefined) {
    const interner = new Interner();
    const seen = new Set<Expr>();
    const values = matrix[0].map((_, k) => local(`x${k}`, "float32"));
    for (const e of linearMap(matrix, values)) visitExpr(interner.intern(e), () => undefined, seen);
    operations = [...seen].filter((e) => e.kind === "binary").length;
    operationsOf.set(matrix, operations);
  }
  return (
    transform.operation * operations +
    load * matrix[0].length +
    transform.store * matrix.length +
    transform.iteration
  );
}

/** Both passes over `columns` columns and `tiles` tiles. */
const stripCost = (
  machine: Machine,
  vertical: Matrix,
  horizontal: Matrix,
  columns: number,
  tiles: number,
  load = machine.costs.transform.load,
): number =>
  columns * mapCost(machine, vertical, load) +
  tiles * vertical.length * mapCost(machine, horizontal, machine.costs.transform.load);

/** All tiles of one vector of channels of one image. */
const planeCost = (
  machine: Machine,
  t: Tiling,
  vertical: Matrix,
  horizontal: Matrix,
  columns: number,
): number => t.tileRows * stripCost(machine, vertical, horizontal, columns, t.tileColumns);

/** Copying a vector of columns to elements that lie apart, with zeros around; element by element where no pattern shows. */
function fillCost(
  { costs: { transform: t } }: Machine,
  elements: number,
  lanes: number,
  factor: Expr,
  isSparse: boolean,
): number {
  const isPlain = factor.kind === "load" || (factor.kind === "select" && factor.a.kind === "load");
  if (!isPlain && !isSparse) return elements * t.irregular;
  return (elements / lanes) * (t.scatter + t.load + t.store + (isSparse ? 4 * t.operation : 0));
}

/** So many small products of rows × depth × columns. */
function productCost(
  machine: Machine,
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
    depth * iterationCost(machine, count * tileRows, count, tileRows) +
    machine.costs.transform.tileStart +
    storeCost * count * tileRows;
  const whole = Math.floor(vectors / TILE_VECTORS);
  const rest = vectors % TILE_VECTORS;
  return points * rowTiles * (whole * tile(TILE_VECTORS) + (rest > 0 ? tile(rest) : 0));
}

/** The kernel's own stores: what its window reads, and lanes that lie apart. */
function finishCost(
  { costs: { transform: t } }: Machine,
  { contraction: { nest, window } }: Correlation,
  lanes: number,
): number {
  const outputs = nest.loops.reduce((n, l) => n * l.extent, 1);
  const taps = window.reduce((n, axis) => n * axis.extent, 1);
  return (
    (outputs / lanes) * (nest.stores.length * t.scatter + taps * (t.load + 2 * t.operation) + t.iteration)
  );
}

/** Weighing the windows of an image: pixels channel by channel, sums of rows and columns, a comparison for each place. */
function checkCost(
  { costs: { transform: t } }: Machine,
  { tiling: { form }, lanes, channels, correlation: { rows, columns } }: ForwardPlan,
): number {
  const pixel =
    Math.ceil(channels / lanes) * (2 * t.load + 3 * t.operation) + lanes * (t.load + t.operation) + t.store;
  const sums = (form.rows.taps + form.columns.taps) * (t.load + t.operation) + 2 * t.store;
  const place = t.load + 6 * t.operation;
  const pixels = (rows.places + form.rows.taps - 1) * (columns.places + form.columns.taps - 1);
  return pixels * (pixel + sums / lanes) + rows.places * columns.places * place;
}

/** What moving a block's factors and products through the caches costs, for one block. */
function trafficCost({ costs: { traffic }, memory }: Machine, own: number, shared: number): number {
  const bytes = 4 * (own + shared);
  return bytes * (traffic.blockByte + (bytes > memory.blockBytes ? traffic.farByte : 0));
}

/** The cost of a convolution or an input gradient in the scheduler's unit. */
export function forwardCost(plan: ForwardPlan, machine: Machine): number {
  const { transform: t } = machine.costs;
  const { correlation, tiling, lanes, channels, outputs, images, blocks } = plan;
  const { rows, columns } = tiling.form;
  const points = pointsOf(tiling.form);
  const [channelVectors, outputVectors] = [Math.ceil(channels / lanes), Math.ceil(outputs / lanes)];
  const weighed = rows.taps * columns.taps * (t.load + 2 * t.operation);
  const filter =
    channels *
    outputVectors *
    (stripCost(machine, rows.filter, columns.filter, columns.taps, 1, t.gather) + weighed);
  const fill = fillCost(
    machine,
    channelVectors * lanes * tiling.dataHeight * tiling.dataWidth,
    lanes,
    correlation.data,
    correlation.sparseData !== undefined,
  );
  const data = channelVectors * planeCost(machine, tiling, rows.data, columns.data, tiling.dataWidth);
  const inverse =
    outputVectors * tilesOf(tiling) * stripCost(machine, rows.inverse, columns.inverse, columns.points, 1);
  const products = productCost(
    machine,
    {
      points,
      rowTiles: plan.paddedRows / plan.tileRows,
      tileRows: plan.tileRows,
      vectors: outputVectors,
      depth: channels,
    },
    t.store,
  );
  const traffic = trafficCost(
    machine,
    2 * points * plan.paddedRows * (channels + outputs),
    points * channels * outputs,
  );
  return (
    MULTIPLY_ADD *
    (filter +
      images * (fill + checkCost(machine, plan) + data + inverse) +
      blocks * (products + traffic) +
      finishCost(machine, correlation, lanes))
  );
}

/** The cost of a weight gradient in the scheduler's unit. */
export function weightCost(plan: WeightPlan, machine: Machine): number {
  const { transform: t } = machine.costs;
  const { correlation, tiling, lanes, channels, outputs, images, groups, blocksPerGroup } = plan;
  const { rows, columns } = tiling.form;
  const points = pointsOf(tiling.form);
  const [channelVectors, outputVectors] = [Math.ceil(channels / lanes), Math.ceil(outputs / lanes)];
  const [down, along] = [rows.spread, columns.spread];
  const fill =
    fillCost(
      machine,
      channelVectors * lanes * tiling.dataHeight * tiling.dataWidth,
      lanes,
      correlation.data,
      false,
    ) +
    fillCost(
      machine,
      outputVectors * lanes * tiling.height * tiling.width,
      lanes,
      correlation.filter,
      correlation.sparseFilter !== undefined,
    );
  const transforms =
    channelVectors * planeCost(machine, tiling, rows.data, columns.data, tiling.dataWidth) +
    outputVectors * planeCost(machine, tiling, down, along, tiling.width);
  const products = productCost(
    machine,
    {
      points,
      rowTiles: plan.paddedChannels / plan.tileRows,
      tileRows: plan.tileRows,
      vectors: outputVectors,
      depth: plan.transformed.rows,
    },
    blocksPerGroup > 1 ? t.store + t.load + t.operation : t.store,
  );
  const sums = points * channels * outputs;
  const traffic = trafficCost(machine, 2 * points * plan.transformed.rows * (channels + outputs), 2 * sums);
  const last =
    channels *
      outputVectors *
      stripCost(machine, rows.gather, columns.gather, columns.points, 1, groups * (t.load + t.operation)) +
    4 * sums * groups * machine.costs.traffic.blockByte;
  return (
    MULTIPLY_ADD *
    (images * (fill + transforms) +
      groups * blocksPerGroup * (products + traffic) +
      last +
      finishCost(machine, correlation, lanes))
  );
}
