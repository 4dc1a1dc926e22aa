/**
 * The cost of memory that no cache holds, if plans access it page by page: nothing is prefetched then, and each
 * access waits. `cost.ts` covers the caches.
 */

import { coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Expr, Kernel, ReduceAxis } from "../../../src/loop/types.ts";
import { visitExpr } from "../../../src/loop/walk.ts";
import { type Lanes, tileCount, tileWidth } from "../analysis/lanes.ts";
import { iterationsOf, type Nest, type StoreTarget } from "../analysis/nest.ts";
import type { TiledLoop } from "./cost.ts";
import type { Factor } from "./factor.ts";

/** Whether so many floats exceed the caches, if there are any. */
const isFar = ({ memory }: Machine, floats: number): boolean =>
  memory.caches.length > 0 && 4 * floats > memory.farBytes;

/** Whether `index` is in another page after each `step` iterations of `loop`. */
const isPaged = ({ memory }: Machine, index: Expr, loop: string, step: number): boolean =>
  4 * step * Math.abs(coefficientOf(toAffine(index), loop)) >= memory.pageBytes;

/** Whether each step along `axis` waits for what `e` loads from so many floats. */
const isWaited = (machine: Machine, e: Expr, size: number, { name }: ReduceAxis): boolean =>
  e.kind === "load" && isFar(machine, size) && isPaged(machine, e.index, name, 1);

/**
 * The multiply-adds that an iteration of a tile's innermost sum, over `axis`, waits for factors that are read in place.
 */
export function farLoads(machine: Machine, factors: readonly Factor[], axis: ReduceAxis | undefined): number {
  if (axis === undefined) return 0;
  const far = factors.filter(({ expr, size }) => isWaited(machine, expr, size, axis));
  return far.length * machine.costs.traffic.farLoad;
}

/**
 * The multiply-adds that the sums of a nest wait for their
 * operands, in lanes or one by one, if nothing else is planned.
 */
export function farSums(machine: Machine, kernel: Kernel, nest: Nest, lanes?: Lanes): number {
  const sizes = new Map(kernel.buffers.map(({ name, length }) => [name, length]));
  const outer = iterationsOf(nest.loops.filter(({ name }) => name !== lanes?.loop));
  const times = outer * (lanes === undefined ? 1 : tileCount(lanes));
  let waits = 0;
  const addWaits = (sum: Expr): void => {
    if (sum.kind !== "reduce") return;
    const axis = sum.axes.at(-1);
    if (axis === undefined) return;
    visitExpr(sum.body, (e) => {
      const size = (e.kind === "load" && sizes.get(e.buffer)) || 0;
      if (isWaited(machine, e, size, axis)) waits += times * iterationsOf(sum.axes);
    });
  };
  for (const { value } of nest.stores) visitExpr(value, addWaits);
  return waits * machine.costs.traffic.farLoad;
}

/**
 * The multiply-adds that so many results wait for their stores, in tiles with these lanes and so many rows, when
 * `innermost` is the loop right around a tile: for each row of a tile if the next tile is elsewhere. If lanes are
 * apart, the lines of a tile's rows are used again by the tiles that follow.
 */
export function farStores(
  machine: Machine,
  stores: readonly StoreTarget[],
  outputs: number,
  { lanes, size }: { readonly lanes: Lanes; readonly size: number },
  innermost: TiledLoop | undefined,
): number {
  if (innermost === undefined || !isFar(machine, outputs)) return 0;
  const waitsOf = ({ index }: StoreTarget): number => {
    if (isPaged(machine, index, lanes.loop, 1)) return outputs / size / machine.vectorWidth;
    const isElsewhere =
      innermost.name !== lanes.loop && isPaged(machine, index, innermost.name, innermost.size);
    return isElsewhere ? outputs / tileWidth(lanes) : 0;
  };
  return machine.costs.traffic.farStore * stores.reduce((sum, store) => sum + waitsOf(store), 0);
}
