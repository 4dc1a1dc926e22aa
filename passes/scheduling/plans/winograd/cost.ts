/**
 * The cost of Winograd's method: every transform's arithmetic counted, the products priced like other tiles, and what
 * the second-level cache has to fetch. In multiply-adds of vectors, as in `cost.ts`.
 */

import { local } from "../../../../src/loop/build.ts";
import { Interner } from "../../../../src/loop/intern.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { Expr } from "../../../../src/loop/types.ts";
import { visitExpr } from "../../../../src/loop/walk.ts";
import { iterationCost, MULTIPLY_ADD } from "../cost.ts";
import type { Operand } from "./correlation.ts";
import { pointsOf } from "./forms.ts";
import { linearMap } from "./linear-map.ts";
import type { Plan, TiledLine } from "./plan.ts";
import type { Matrix } from "./transform-matrices.ts";

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

/** Both passes over the strip of one tile, or over one with so many columns and tiles. */
function stripCost(
  machine: Machine,
  { rows, columns }: Plan,
  side: "data" | "filter" | "inverse" | "inverseT" | "filterT",
  { load = machine.costs.transform.load, length = columns[side][0].length, tiles = 1 } = {},
): number {
  const along = rows[side].length * mapCost(machine, columns[side], machine.costs.transform.load);
  return length * mapCost(machine, rows[side], load) + tiles * along;
}

/** All tiles of one vector of channels of one image. */
const planeCost = (machine: Machine, plan: Plan, side: "data" | "inverseT", length: number): number =>
  plan.rows.tiles * stripCost(machine, plan, side, { length, tiles: plan.columns.tiles });

/** Copying a vector of columns to strided elements, with zeros around; element by element if there is no pattern. */
function fillCost(
  { costs: { transform: t } }: Machine,
  elements: number,
  lanes: number,
  { factor, pooled }: Operand,
): number {
  const isPlain = factor.kind === "load" || (factor.kind === "select" && factor.a.kind === "load");
  if (!isPlain && pooled === undefined) return elements * t.irregular;
  return (elements / lanes) * (t.scatter + t.load + t.store + (pooled === undefined ? 0 : 4 * t.operation));
}

/** The small products at all points of a block. */
function productCost(machine: Machine, plan: Plan): number {
  const { transform: t } = machine.costs;
  const { rows, depth } = plan.products;
  const { rows: tileRows, vectors: tileVectors } = plan.step;
  const store = plan.blocksPerGroup > 1 ? t.store + t.load + t.operation : t.store;
  const tile = (vectors: number): number =>
    vectors === 0
      ? 0
      : depth * iterationCost(machine, vectors * tileRows, vectors, tileRows) +
        t.tileStart +
        store * vectors * tileRows;
  const vectors = Math.ceil(plan.outputs / plan.lanes);
  const [whole, rest] = [Math.floor(vectors / tileVectors), vectors % tileVectors];
  return pointsOf(plan) * (rows / tileRows) * (whole * tile(tileVectors) + tile(rest));
}

/** The kernel's own stores: what its window reads, and strided lanes. */
function finishCost({ costs: { transform: t } }: Machine, { correlation, lanes }: Plan): number {
  const { nest, window } = correlation.contraction;
  const outputs = nest.loops.reduce((n, l) => n * l.extent, 1);
  const taps = window.reduce((n, axis) => n * axis.extent, 1);
  return (
    (outputs / lanes) * (nest.stores.length * t.scatter + taps * (t.load + 2 * t.operation) + t.iteration)
  );
}

/**
 * Weighing the windows of an image: pixels channel by channel, sums of rows and columns, a comparison for each place.
 */
function checkCost({ costs: { transform: t } }: Machine, { lanes, channels, rows, columns }: Plan): number {
  const pixel =
    Math.ceil(channels / lanes) * (2 * t.load + 3 * t.operation) + lanes * (t.load + t.operation) + t.store;
  const sums = (rows.taps + columns.taps) * (t.load + t.operation) + 2 * t.store;
  const place = t.load + 6 * t.operation;
  const seen = ({ extent, taps }: TiledLine): number => extent + taps - 1;
  return seen(rows) * seen(columns) * (pixel + sums / lanes) + rows.extent * columns.extent * place;
}

/** The cost of moving a block's factors and products through the caches, including what all blocks share. */
function trafficCost({ costs: { traffic }, memory }: Machine, plan: Plan): number {
  const { over, factors, channels, outputs } = plan;
  // The filter is read, sums are read and written.
  const shared = (over === "places" ? 1 : 2) * channels * outputs;
  const bytes = 4 * pointsOf(plan) * (2 * factors.rows * (channels + outputs) + shared);
  return bytes * (traffic.blockByte + (bytes > memory.blocks.cachedBytes ? traffic.farByte : 0));
}

/** The cost of a plan in the scheduler's unit. */
export function winogradCost(plan: Plan, machine: Machine): number {
  const { transform: t, traffic } = machine.costs;
  const { correlation, over, rows, columns, lanes, channels, outputs, images, groups } = plan;
  const { data, filter } = correlation;
  const [channelVectors, outputVectors] = [Math.ceil(channels / lanes), Math.ceil(outputs / lanes)];
  const planes =
    fillCost(machine, channelVectors * lanes * rows.needed * columns.needed, lanes, data) +
    channelVectors * planeCost(machine, plan, "data", columns.needed);
  const blocks =
    groups * plan.blocksPerGroup * (productCost(machine, plan) + trafficCost(machine, plan)) +
    finishCost(machine, plan);
  if (over === "places") {
    const weighed = rows.taps * columns.taps * (t.load + 2 * t.operation);
    const transformed =
      channels * outputVectors * (stripCost(machine, plan, "filter", { load: t.gather }) + weighed);
    const inverse = outputVectors * rows.tiles * columns.tiles * stripCost(machine, plan, "inverse");
    const image = planes + checkCost(machine, plan) + inverse;
    return MULTIPLY_ADD * (transformed + images * image + blocks);
  }
  const gradient =
    fillCost(machine, outputVectors * lanes * rows.covered * columns.covered, lanes, filter) +
    outputVectors * planeCost(machine, plan, "inverseT", columns.covered);
  const load = groups * (t.load + t.operation);
  const last =
    channels * outputVectors * stripCost(machine, plan, "filterT", { load }) +
    4 * pointsOf(plan) * channels * outputs * groups * traffic.blockByte;
  return MULTIPLY_ADD * (images * (planes + gradient) + last + blocks);
}
