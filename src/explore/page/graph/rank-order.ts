/** Orders the boxes and bends of each rank so that few lines cross. */

import { groupBy } from "../../../core/group-by.ts";
import type { Piece, Slot } from "./layered.ts";

/** Number of sweeps over all ranks; fewer for very large pictures. */
const SWEEPS = 10;
const MANY_SLOTS = 4000;
const FEW_SWEEPS = 3;

/** The slots of each rank from left to right. */
export function orderRanks(slots: readonly Slot[], pieces: readonly Piece[]): readonly (readonly number[])[] {
  const count = slots.reduce((most, { rank }) => Math.max(most, rank + 1), 0);
  const [above, below] = [
    neighbours(slots, pieces, "lower", "upper"),
    neighbours(slots, pieces, "upper", "lower"),
  ];
  let order = firstOrder(slots, below, count);
  let [best, fewest] = [order, allCrossings(slots, pieces, order)];
  const sweeps = slots.length > MANY_SLOTS ? FEW_SWEEPS : SWEEPS;
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    order = sweep % 2 === 0 ? swept(order, above, 1) : swept(order, below, -1);
    const crossed = allCrossings(slots, pieces, order);
    if (crossed < fewest) [best, fewest] = [order, crossed];
  }
  return best;
}

function neighbours(
  slots: readonly Slot[],
  pieces: readonly Piece[],
  of: "upper" | "lower",
  other: "upper" | "lower",
): readonly (readonly number[])[] {
  const found = slots.map((): number[] => []);
  for (const piece of pieces) found[piece[of]].push(piece[other]);
  return found;
}

/** The initial order: depth-first along the lines, from top to bottom. */
function firstOrder(
  slots: readonly Slot[],
  below: readonly (readonly number[])[],
  count: number,
): number[][] {
  const ranks = Array.from({ length: count }, (): number[] => []);
  const seen = new Set<number>();
  const byRank = slots.map((_, k) => k).sort((a, b) => slots[a].rank - slots[b].rank);
  for (const root of byRank) {
    const stack = [root];
    while (stack.length > 0) {
      const slot = stack.pop()!;
      if (seen.has(slot)) continue;
      seen.add(slot);
      ranks[slots[slot].rank].push(slot);
      stack.push(...below[slot].toReversed());
    }
  }
  return ranks;
}

/** Sorts each rank by the barycentres of neighbours in the previous rank; slots without any keep their place. */
function swept(
  order: readonly (readonly number[])[],
  neighboursOf: readonly (readonly number[])[],
  direction: 1 | -1,
): number[][] {
  const ranks = order.map((rank) => [...rank]);
  const positions = new Map<number, number>();
  for (const rank of ranks) for (const [k, slot] of rank.entries()) positions.set(slot, k / rank.length);
  const indices = ranks.map((_, k) => k);
  for (const k of direction === 1 ? indices : indices.toReversed()) {
    const weights = new Map(
      ranks[k].map((slot) => {
        const near = neighboursOf[slot];
        const sum = near.reduce((total, other) => total + positions.get(other)!, 0);
        return [slot, near.length === 0 ? positions.get(slot)! : sum / near.length];
      }),
    );
    ranks[k].sort((a, b) => weights.get(a)! - weights.get(b)!);
    for (const [place, slot] of ranks[k].entries()) positions.set(slot, place / ranks[k].length);
  }
  return ranks;
}

function allCrossings(
  slots: readonly Slot[],
  pieces: readonly Piece[],
  order: readonly (readonly number[])[],
): number {
  const byLower = groupBy(pieces, ({ lower }) => slots[lower].rank);
  return order.reduce((sum, rank, k) => sum + crossings(order[k - 1] ?? [], rank, byLower.get(k) ?? []), 0);
}

/** The number of crossings between two ranks: the inversions among the lines' ends, counted with a Fenwick tree. */
export function crossings(
  upper: readonly number[],
  lower: readonly number[],
  pieces: readonly Piece[],
): number {
  if (pieces.length < 2) return 0;
  const above = new Map(upper.map((slot, k) => [slot, k]));
  const below = new Map(lower.map((slot, k) => [slot, k]));
  const ends = pieces
    .map((piece) => ({ from: above.get(piece.upper)!, to: below.get(piece.lower)! }))
    .sort((a, b) => a.from - b.from || a.to - b.to);
  const tree = new Int32Array(lower.length + 1);
  let crossed = 0;
  ends.forEach(({ to }, seen) => {
    let notRight = 0;
    for (let k = to + 1; k > 0; k -= k & -k) notRight += tree[k];
    crossed += seen - notRight;
    for (let k = to + 1; k < tree.length; k += k & -k) tree[k]++;
  });
  return crossed;
}
