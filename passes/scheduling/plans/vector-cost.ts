/**
 * What vector tiles cost: multiply-adds, loads and iterations of the inner loop, packing, and what the caches have to
 * bring again because the order of loops let it fall out. Costs are in the scheduler's unit, half a multiply-add
 * of a register tile, scalar or vector alike.
 */

import type { Machine } from "../../../src/loop/machine.ts";
import { type Coordinate, reachOf } from "../analysis/coordinates.ts";

/** One multiply-add in the scheduler's unit. */
export const MULTIPLY_ADD = 2;

/** An iteration of the inner loop with `sums` accumulators, fed by so many loads of vectors and of single elements. */
export const iterationCost = (
  { costs: { tile } }: Machine,
  sums: number,
  vectorLoads: number,
  splats: number,
): number =>
  Math.max(sums, tile.latency) + tile.vectorLoad * vectorLoads + tile.splat * splats + tile.iteration;

/** A loop as a tile sees it: `iterations` times a step of `size`. */
export interface TiledLoop {
  readonly name: string;
  readonly iterations: number;
  readonly size: number;
}

/** A factor's place in memory: its coordinates, and whether it lies where the user's data lie. */
export interface Footprint {
  readonly coordinates: readonly Coordinate[];
  readonly packed: boolean;
}

/** What a factor takes of the caches while some loops run, in elements: what is read, whole lines, and places. */
interface Taken {
  readonly read: number;
  readonly lines: number;
  readonly places: number;
}

/**
 * The multiply-adds that memory costs when `loops` run from the outermost to the innermost. For each cache, the
 * outermost level is found below which all factors fit; they are brought again for each iteration of what is outside.
 */
export function memoryCost(
  machine: Machine,
  loops: readonly TiledLoop[],
  unrolled: ReadonlyMap<string, number>,
  factors: readonly Footprint[],
): number {
  const extents = new Map(unrolled);
  for (const { name, size } of loops) extents.set(name, size);
  const levels = [factors.map((factor) => takenBy(machine, factor, extents))];
  for (const { name, iterations, size } of [...loops].reverse()) {
    extents.set(name, iterations * size);
    levels.unshift(factors.map((factor) => takenBy(machine, factor, extents)));
  }
  return machine.memory.caches.reduce((cost, { bytes, isDirect }) => {
    const size = (taken: readonly Taken[]): number =>
      taken.reduce((n, { lines, places }) => n + (isDirect ? places : lines), 0);
    const fitting = levels.findIndex((taken) => 4 * size(taken) <= bytes);
    const level = fitting < 0 ? loops.length : fitting;
    return factors.reduce((sum, factor, k) => {
      const outside = loops.slice(0, level);
      return sum + 4 * againCost(machine, factor, levels[level][k], outside, fitting >= 0);
    }, cost);
  }, 0);
}

/** What it costs to bring a factor for each iteration of the loops outside, for one byte of each element. */
function againCost(
  { costs: { traffic } }: Machine,
  factor: Footprint,
  { read, lines }: Taken,
  outside: readonly TiledLoop[],
  fits: boolean,
): number {
  const { coordinates, packed } = factor;
  const innermost = outside.at(-1)?.name;
  // The next iteration finds the rest of the line that this one has brought.
  const isWalked = coordinates.at(-1)?.terms.some((t) => t.name === innermost && t.coefficient === 1);
  // What does not move with a loop is still there for its next iteration.
  const moves = ({ name }: TiledLoop): boolean =>
    coordinates.some((c) => c.terms.some((t) => t.name === name));
  const moved = fits ? outside.slice(0, outside.findLastIndex(moves) + 1) : outside;
  const price = packed || innermost === undefined ? traffic.panelByte : traffic.rowByte;
  return moved.reduce((n, { iterations }) => n * iterations, isWalked ? read : lines) * price;
}

function takenBy(
  { memory: { lineFloats, periodFloats } }: Machine,
  { coordinates, packed }: Footprint,
  extents: ReadonlyMap<string, number>,
): Taken {
  const extentOf = (name: string): number => extents.get(name) ?? 1;
  const innermost = coordinates.length - 1;
  let [read, lines, places] = [1, 1, 1];
  for (let k = innermost; k >= 0; k--) {
    const reach = reachOf(coordinates[k], extentOf);
    const whole = !packed && k === innermost ? Math.ceil(reach / lineFloats) * lineFloats : reach;
    const apart =
      packed || reach === 1 || k === innermost ? 1 : commonDivisor(coordinates[k].step, periodFloats);
    read *= reach;
    lines *= whole;
    places = Math.max(places, apart) * whole;
  }
  return { read, lines, places };
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? Math.abs(a) : commonDivisor(b, a % b));
