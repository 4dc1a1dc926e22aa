/**
 * What tiles pay where lanes do not stand side by side in memory: in what they read in place, in what they store, and in what
 * they read to finish a sum. Two or three elements apart they are picked out of two vectors; further apart each is moved by
 * itself, and where each is in another page, and no cache near by holds them all, each waits; so it does where many lanes go to
 * one place of the nearest cache.
 */

import { type Affine, coefficientOf, toAffine } from "../../../src/loop/affine.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { outermost } from "../../../src/loop/walk.ts";
import { dependsOn } from "../analysis/contraction.ts";
import { iterationsOf, type Nest } from "../analysis/nest.ts";

/** So many elements apart, the lanes of one vector are found in two. */
const MOST_APART = 3;

/** More lines that lie at the same place of the nearest cache push each other out of it. */
const MOST_IN_A_SET = 8;

/** The elements between neighbours along `loop`. */
const stepOf = (index: Expr, loop: string): number => Math.abs(coefficientOf(toAffine(index), loop));

/** Whether lanes along `loop` are picked out of two vectors where elements stand at `form`. */
export function isPicked(form: Affine, loop: string): boolean {
  const step = coefficientOf(form, loop);
  return step > 1 && step <= MOST_APART;
}

/** The multiply-adds for a vector of results along `loop`: what finishes them reads, and their stores. */
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
    // Their line is at hand.
    return (
      sum + (step > 1 && step <= MOST_APART ? tile.scatteredStore / 2 : apart(index, traffic.pagedStore))
    );
  }, loaded);
}
