/**
 * The cost of plans: the arithmetic, loads and iterations of inner loops, the filling of panels, and the data that
 * caches have to fetch again because the order of loops evicted it. Costs are in the scheduler's unit, half a
 * multiply-add of a register tile, scalar or vector alike.
 */

import { addAffine, greatestCommonDivisor, toAffine } from "../../../src/loop/affine.ts";
import { countFlops } from "../../../src/loop/flops.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Expr, Stmt } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { conjuncts, outermost } from "../../../src/loop/walk.ts";
import { dependsOn } from "../analysis/contraction.ts";
import { type Coordinate, reachOf } from "../analysis/coordinates.ts";
import { type Lanes, lanePartsOf, reachesBeyond, vectorCount } from "../analysis/lanes.ts";
import type { Nest } from "../analysis/nest.ts";
import { isComputedInLanes } from "../analysis/values-in-lanes.ts";
import { fills } from "../transforms/copies.ts";
import { type PanelPlan, panelLength } from "../transforms/panel.ts";

/** One multiply-add in the scheduler's unit. */
export const MULTIPLY_ADD = 2;

/** An iteration of the inner loop with `sums` accumulators, fed by some loads of vectors and of single elements. */
export const iterationCost = (
  { costs: { tile } }: Machine,
  sums: number,
  vectorLoads: number,
  splats: number,
): number =>
  Math.max(sums, tile.latency, tile.eachLoad * (vectorLoads + splats)) +
  tile.vectorLoad * vectorLoads +
  tile.splat * splats +
  tile.iteration;

/**
 * The parts that blocks of `size` cut `total` steps into: how
 * many, of what size. Only `aligned` of the steps fill blocks.
 */
export function remainders(
  aligned: number,
  total: number,
  size: number,
): readonly (readonly [count: number, size: number])[] {
  const whole = Math.floor(aligned / size);
  const rest = total - whole * size;
  const parts: (readonly [count: number, size: number])[] = whole > 0 ? [[whole, size]] : [];
  if (rest > 0) parts.push([1, rest]);
  return parts;
}

/** A loop as a tile sees it: `iterations` times a step of `size`. */
export interface TiledLoop {
  readonly name: string;
  readonly iterations: number;
  readonly size: number;
}

/** A factor's place in memory: its coordinates, and whether it is where the user's data are. */
export interface Footprint {
  readonly coordinates: readonly Coordinate[];
  readonly packed: boolean;
}

/**
 * How much of the caches a factor takes while some loops run, in elements: what is read, whole lines, and cache sets.
 */
interface Taken {
  readonly read: number;
  readonly lines: number;
  readonly places: number;
}

/**
 * The cost of memory traffic in multiply-adds when `loops` run in this order, outermost first. For each cache, the
 * outermost level is found below which all factors fit; they are fetched again for each iteration of the loops outside.
 */
export function memoryCost(
  machine: Machine,
  loops: readonly TiledLoop[],
  unrolled: ReadonlyMap<string, number>,
  factors: readonly Footprint[],
): number {
  const extents = new Map(unrolled);
  for (const { name, size } of loops) extents.set(name, size);
  let inside = factors.map((factor) => takenBy(machine, factor, extents));
  const levels = [inside];
  for (let k = loops.length - 1; k >= 0; k--) {
    const { name, iterations, size } = loops[k];
    extents.set(name, iterations * size);
    const below = inside;
    inside = factors.map((factor, f) => (moves(factor, name) ? takenBy(machine, factor, extents) : below[f]));
    levels.push(inside);
  }
  levels.reverse();
  let cost = 0;
  for (const { bytes, isDirect } of machine.memory.caches) {
    const fitting = levels.findIndex((taken) => 4 * sizeIn(taken, isDirect) <= bytes);
    const level = fitting < 0 ? loops.length : fitting;
    for (let f = 0; f < factors.length; f++)
      cost += 4 * againCost(machine, factors[f], levels[level][f], loops, level, fitting >= 0);
  }
  return cost;
}

/** Whether a factor depends on a loop. */
function moves({ coordinates }: Footprint, loop: string): boolean {
  for (const { terms } of coordinates) for (const { name } of terms) if (name === loop) return true;
  return false;
}

function sizeIn(taken: readonly Taken[], isDirect: boolean): number {
  let size = 0;
  for (const { lines, places } of taken) size += isDirect ? places : lines;
  return size;
}

/** The cost of fetching a factor for each iteration of the first `outside` loops, per byte of an element. */
function againCost(
  { costs: { traffic } }: Machine,
  factor: Footprint,
  { read, lines }: Taken,
  loops: readonly TiledLoop[],
  outside: number,
  fits: boolean,
): number {
  const { coordinates, packed } = factor;
  const innermost = outside === 0 ? undefined : loops[outside - 1].name;
  // The next iteration finds the rest of the line that this one has fetched.
  const isWalked = coordinates.at(-1)?.terms.some((t) => t.name === innermost && t.coefficient === 1);
  // Data that does not depend on a loop is still in cache for its next iteration.
  let moved = outside;
  while (fits && moved > 0 && !moves(factor, loops[moved - 1].name)) moved--;
  const price = packed || innermost === undefined ? traffic.panelByte : traffic.rowByte;
  let bytes = isWalked ? read : lines;
  for (let k = 0; k < moved; k++) bytes *= loops[k].iterations;
  return bytes * price;
}

function takenBy(
  { memory: { lineFloats, periodFloats } }: Machine,
  { coordinates, packed }: Footprint,
  extents: ReadonlyMap<string, number>,
): Taken {
  const innermost = coordinates.length - 1;
  let [read, lines, places] = [1, 1, 1];
  for (let k = innermost; k >= 0; k--) {
    const reach = reachOf(coordinates[k], extents);
    const whole = !packed && k === innermost ? Math.ceil(reach / lineFloats) * lineFloats : reach;
    const apart =
      packed || reach === 1 || k === innermost ? 1 : greatestCommonDivisor(coordinates[k].step, periodFloats);
    read *= reach;
    lines *= whole;
    places = Math.max(places, apart) * whole;
  }
  return { read, lines, places };
}

/** The cost of the copy that `copySchedule` makes of the plan. */
export function panelCost(plan: PanelPlan, machine: Machine): number {
  return panelLength(plan) * elementCost(plan, machine);
}

/**
 * The cost of one element of the panel: the same for all tiles
 * with lanes along one loop that are all padded or all not.
 */
export function elementCost(
  plan: PanelPlan,
  { vectorWidth: width, memory, costs: { copy, loop } }: Machine,
): number {
  const { factor, coordinates, lanes } = plan;
  const source = factor.kind === "select" ? factor.a : factor;
  const isLoad = source.kind === "load";
  if (lanes !== undefined && reachesBeyond(lanes)) return isLoad ? copy.guarded : copy.computed;
  const inLanes =
    (lanes !== undefined && isComputedInLanes(source, lanes.loop)) ||
    coordinates.some(({ terms, extent }) => isComputedInLanes(source, terms[0].name) && fills(extent, width));
  if (!isLoad && (!inLanes || factor.kind === "select")) return copy.computed;
  if (factor.kind !== "select") {
    const isTransposed =
      lanes === undefined && !coordinates.at(-1)?.terms.some(({ name }) => isComputedInLanes(source, name));
    const far = 4 * panelLength(plan) > memory.farBytes ? (isTransposed ? copy.farTransposed : copy.far) : 0;
    return (inLanes ? copy.inLanes : copy.oneByOne) + (loop.operation * flopsOf([source])) / width + far;
  }
  return inLanes && conjuncts(factor.condition).every((test) => guardsOne(test, coordinates))
    ? copy.inLanes
    : copy.guarded;
}

/** Whether a guard depends on one coordinate only, so that what it lets through is a box. */
function guardsOne(test: Expr, coordinates: readonly Coordinate[]): boolean {
  if (test.kind !== "compare" || !isIndex(test.a)) return false;
  const { terms } = addAffine(toAffine(test.a), toAffine(test.b), -1);
  const names = [...terms.values()].map(({ atom }) => (atom.kind === "var" ? atom.name : ""));
  return coordinates.some((c) => names.every((name) => c.terms.some((t) => t.name === name)));
}

/**
 * The cost of a nest whose innermost loop runs in `lanes`, or one by one without them. Sums that do not depend on the
 * innermost loop are computed once before it: once for each part that lanes cut it into.
 */
export function nestCost({ costs: { loop } }: Machine, { loops, stores }: Nest, lanes?: Lanes): number {
  const innermost = loops.at(-1);
  const outer = loops.slice(0, -1).reduce((n, { extent }) => n * extent, 1);
  const iterations = lanes === undefined ? (innermost?.extent ?? 1) : vectorCount(lanes);
  const parts = lanes === undefined ? 1 : lanePartsOf(lanes).length;
  const values = stores.map(({ value }) => value);
  const each = flopsOf(values);
  const before = innermost === undefined ? 0 : flopsOf(sumsBefore(values, innermost.name));
  const flops = parts * before + iterations * (each - before);
  return outer * (loop.operation * flops + loop.store * iterations * stores.length);
}

const flopsOf = (values: readonly Expr[]): number =>
  countFlops(values.map((value): Stmt => ({ kind: "let", name: "_", value })));

/** The reductions in `values` that do not depend on `loop`. */
const sumsBefore = (values: readonly Expr[], loop: string): Expr[] =>
  outermost(values, (e) => e.kind === "reduce" && !dependsOn(e, loop));
