/**
 * The cost of tiles whose lanes are not adjacent in memory: in operands read in place, in stores, and in what they
 * read to finish a sum. Two or three elements apart, lanes are shuffled out of two vectors;
 * further apart each is moved by itself, and if each is in another page, and no near cache
 * holds them all, each waits; so it does if many lanes map to one set of the nearest cache.
 */

import { type Affine, coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { outermost } from "../../../src/loop/walk.ts";
import { dependsOn } from "../analysis/contraction.ts";
import { iterationsOf, type Nest } from "../analysis/nest.ts";

/** Up to so many elements apart, the lanes of one vector are found in two. */
const MOST_APART = 3;

/** More lines in the same set of the nearest cache evict each other. */
const MOST_IN_A_SET = 8;

/** The elements between neighbours along `loop`. */
const stepOf = (index: Expr, loop: string): number => Math.abs(coefficientOf(toAffine(index), loop));

/** Whether lanes along `loop` are shuffled out of two vectors for elements at `form`. */
export function isPicked(form: Affine, loop: string): boolean {
  const step = coefficientOf(form, loop);
  return step > 1 && step <= MOST_APART;
}

/** The multiply-adds for a vector of results along `loop`: what finishing them reads, and their stores. */
export function finishCost(machine: Machine, { loops, stores }: Nest, loop: string): number {
  const { tile, traffic } = machine.costs;
  if (machine.vectorWidth === 1) return stores.length * tile.store;
  const near = machine.memory.caches.find(({ isDirect }) => !isDirect);
  const isFar = near !== undefined && 4 * iterationsOf(loops) > near.bytes;
  const { pageBytes, periodFloats } = machine.memory;
  const apart = (index: Expr, paged: number): number => {
    const step = stepOf(index, loop);
    const isCrowded = machine.vectorWidth > MOST_IN_A_SET && step % periodFloats === 0;
    return tile.scatteredStore + (isCrowded || (isFar && 4 * step >= pageBytes) ? paged : 0);
  };
  const loads = outermost(
    stores.map(({ value }) => value),
    ({ kind }) => kind === "load",
    ({ kind }) => kind === "reduce",
  );
  const loaded = loads.reduce((sum, e) => {
    if (e.kind !== "load" || !dependsOn(e, loop)) return sum;
    if (stepOf(e.index, loop) === 1) return sum + tile.vectorLoad;
    return sum + (isPicked(toAffine(e.index), loop) ? tile.pickedLoad : apart(e.index, traffic.pagedLoad));
  }, 0);
  return stores.reduce((sum, { index }) => {
    const step = stepOf(index, loop);
    if (step === 1) return sum + tile.store;
    // Their line is in cache.
    return (
      sum + (step > 1 && step <= MOST_APART ? tile.scatteredStore / 2 : apart(index, traffic.pagedStore))
    );
  }, loaded);
}
