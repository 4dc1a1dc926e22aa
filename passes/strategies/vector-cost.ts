/**
 * What vector tiles cost: multiply-adds, loads and turns of the inner loop, packing, and what the caches have to
 * bring again because the order of loops let it fall out. Costs are in the scheduler's unit, half a multiply-add
 * of a register tile, scalar or vector alike.
 */

import { type Coordinate, reachOf } from "./coordinates.ts";

/** One multiply-add in the scheduler's unit. */
export const MULTIPLY_ADD = 2;

/** Loads and turns in multiply-adds, where a tile hides most of them behind its arithmetic. */
const VECTOR_LOAD = 0.25;
const SPLAT = 0.4;
const TURN = 1;

/** Multiply-adds that a turn takes at least: sums wait for themselves. */
const LATENCY = 6;

/**
 * Caches by their bytes, and what a byte costs that they do not hold, in multiply-adds. Each cache stands here with two
 * sizes at half its price: what nearly fits is partly kept, and machines differ.
 */
const CACHES = [
  { bytes: 24_000, miss: 1 / 64 },
  { bytes: 48_000, miss: 1 / 64 },
  { bytes: 512_000, miss: 1 / 20 },
  { bytes: 1_500_000, miss: 1 / 20 },
];

/** Floats in a cache line: what a load brings along. */
const LINE = 16;

/** A turn of the inner loop with `sums` accumulators, fed by so many loads of vectors and of single elements. */
export const turnCost = (sums: number, vectorLoads: number, splats: number): number =>
  Math.max(sums, LATENCY) + VECTOR_LOAD * vectorLoads + SPLAT * splats + TURN;

/** A loop as a tile sees it: `turns` times a step of `size`. */
export interface TiledLoop {
  readonly name: string;
  readonly turns: number;
  readonly size: number;
}

/** A factor's place in memory: its coordinates, and whether it lies where the user's data lie. */
export interface Footprint {
  readonly coordinates: readonly Coordinate[];
  readonly packed: boolean;
}

/**
 * The multiply-adds that memory costs when `loops` run from the outermost to the innermost. For each cache, the
 * outermost level is found below which all factors fit; they are brought again for each turn of what is outside.
 */
export function memoryCost(
  loops: readonly TiledLoop[],
  unrolled: ReadonlyMap<string, number>,
  factors: readonly Footprint[],
): number {
  const sizes = loops.map((_, level) => bytesBelow(loops, level, unrolled, factors));
  sizes.push(bytesBelow(loops, loops.length, unrolled, factors));
  return CACHES.reduce((cost, { bytes, miss }) => {
    const fitting = sizes.findIndex((size) => size <= bytes);
    const level = fitting < 0 ? loops.length : fitting;
    const turns = loops.slice(0, level).reduce((n, loop) => n * loop.turns, 1);
    return cost + sizes[level] * turns * miss;
  }, 0);
}

function bytesBelow(
  loops: readonly TiledLoop[],
  level: number,
  unrolled: ReadonlyMap<string, number>,
  factors: readonly Footprint[],
): number {
  const extents = new Map(unrolled);
  loops.forEach(({ name, turns, size }, k) => {
    extents.set(name, k >= level ? turns * size : size);
  });
  const extentOf = (name: string): number => extents.get(name) ?? 1;
  return factors.reduce((sum, { coordinates, packed }) => {
    const elements = coordinates.reduce((n, coordinate, k) => {
      const reach = reachOf(coordinate, extentOf);
      const inLines = !packed && k === coordinates.length - 1;
      return n * (inLines ? Math.ceil(reach / LINE) * LINE : reach);
    }, 1);
    return sum + 4 * elements;
  }, 0);
}
