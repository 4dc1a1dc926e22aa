/** Assigns horizontal positions to boxes and bends: close to their neighbours, with long lines straight. */

import type { Piece, Slot } from "./layered.ts";

/** Number of sweeps over all ranks. */
const ROUNDS = 12;

/** Weights for straight lines: between two boxes, between a box and a bend, between two bends. */
const PULL = [1, 2, 8] as const;

/** The horizontal centre of each slot. */
export function placeAcross(
  slots: readonly Slot[],
  pieces: readonly Piece[],
  order: readonly (readonly number[])[],
  gap: { readonly across: number; readonly bend: number },
): readonly number[] {
  const isBend = (slot: number): boolean => slots[slot].item === undefined;
  const apart = (left: number, right: number): number =>
    (slots[left].width + slots[right].width) / 2 + (isBend(left) || isBend(right) ? gap.bend : gap.across);
  const centres = slots.map(() => 0);
  for (const rank of order) {
    rank.forEach((slot, k) => {
      centres[slot] = k === 0 ? 0 : centres[rank[k - 1]] + apart(rank[k - 1], slot);
    });
    const middle = rank.length === 0 ? 0 : (centres[rank[0]] + centres[rank[rank.length - 1]]) / 2;
    for (const slot of rank) centres[slot] -= middle;
  }
  interface Pull {
    readonly other: number;
    readonly offset: number;
    readonly weight: number;
  }
  const up = slots.map((): Pull[] => []);
  const down = slots.map((): Pull[] => []);
  for (const { upper, lower, upperX, lowerX } of pieces) {
    const weight = PULL[Number(isBend(upper)) + Number(isBend(lower))];
    down[upper].push({ other: lower, offset: lowerX - upperX, weight });
    up[lower].push({ other: upper, offset: upperX - lowerX, weight });
  }
  for (let round = 0; round < ROUNDS; round++) {
    const isDown = round % 2 === 0;
    const isLast = round >= ROUNDS - 2;
    for (const rank of isDown ? order : order.toReversed()) {
      const pulls = rank.map((slot) => {
        const one = isDown ? up[slot] : down[slot];
        return isLast || one.length === 0 ? [...up[slot], ...down[slot]] : one;
      });
      const wanted = rank.map((slot, k) => {
        const weight = pulls[k].reduce((sum, pull) => sum + pull.weight, 0);
        const sum = pulls[k].reduce(
          (s, { other, offset, weight: w }) => s + w * (centres[other] + offset),
          0,
        );
        return weight === 0 ? { place: centres[slot], weight: 0.1 } : { place: sum / weight, weight };
      });
      const places = spaced(
        wanted,
        rank.map((slot, k) => (k === 0 ? 0 : apart(rank[k - 1], slot))),
      );
      rank.forEach((slot, k) => {
        centres[slot] = places[k];
      });
    }
  }
  return centres;
}

/**
 * The positions closest to the wanted ones, by weighted least squares, that keep the order and the minimum distances:
 * isotonic regression, by pooling adjacent violators, of the wanted positions minus the accumulated distances.
 */
function spaced(
  wanted: readonly { readonly place: number; readonly weight: number }[],
  distances: readonly number[],
): readonly number[] {
  let offset = 0;
  const offsets = distances.map((distance) => (offset += distance));
  const pools: { sum: number; weight: number; count: number }[] = [];
  wanted.forEach(({ place, weight }, k) => {
    pools.push({ sum: weight * (place - offsets[k]), weight, count: 1 });
    for (;;) {
      const [left, right] = pools.slice(-2);
      if (right === undefined || left.sum / left.weight <= right.sum / right.weight) break;
      pools.pop();
      left.sum += right.sum;
      left.weight += right.weight;
      left.count += right.count;
    }
  });
  const levels = pools.flatMap(({ sum, weight, count }) => new Array<number>(count).fill(sum / weight));
  return levels.map((level, k) => level + offsets[k]);
}
