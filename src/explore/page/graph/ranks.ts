/** Assigns ranks to boxes so that lines point down: the rank of a box is the length of the longest path to it. */

import type { Item, Wire } from "./layered.ts";

export interface Ranks {
  /** By item. */
  readonly ranks: readonly number[];
  /** Whether each wire would close a cycle and therefore points up. */
  readonly isFlipped: readonly boolean[];
}

/** `wired` are the items that have wires. */
export function ranksOf(items: readonly Item[], wires: readonly Wire[], wired: ReadonlySet<number>): Ranks {
  const outgoing = new Map<number, number[]>();
  wires.forEach(({ from }, k) => {
    const known = outgoing.get(from);
    if (known === undefined) outgoing.set(from, [k]);
    else known.push(k);
  });
  const isFlipped = wires.map(() => false);
  const order = depthFirst(wired, wires, outgoing, isFlipped);
  const ends = wires.map(({ from, to }, k) => (isFlipped[k] ? [to, from] : [from, to]));
  const above = new Map<number, number[]>();
  const below = new Map<number, number[]>();
  for (const [upper, lower] of ends) {
    above.set(lower, [...(above.get(lower) ?? []), upper]);
    below.set(upper, [...(below.get(upper) ?? []), lower]);
  }
  const hasTop = items.some(({ port }) => port === "top");
  const ranks = items.map(() => 0);
  for (const item of order) {
    if (items[item].port === "top") continue;
    const deepest = Math.max(hasTop ? 0 : -1, ...(above.get(item) ?? []).map((upper) => ranks[upper]));
    ranks[item] = deepest + 1;
  }
  // Items without incoming wires are placed just above the first item that they lead to.
  for (const item of order.toReversed()) {
    const lower = below.get(item) ?? [];
    if (above.has(item) || lower.length === 0 || items[item].port === "top") continue;
    ranks[item] = Math.max(hasTop ? 1 : 0, Math.min(...lower.map((k) => ranks[k])) - 1);
  }
  const last = Math.max(0, ...[...wired].filter((k) => items[k].port !== "bottom").map((k) => ranks[k])) + 1;
  for (const item of wired) if (items[item].port === "bottom") ranks[item] = last;
  return { ranks: withoutGaps(ranks, wired), isFlipped };
}

/** The items in topological order; wires that would close a cycle are marked as flipped. */
function depthFirst(
  wired: ReadonlySet<number>,
  wires: readonly Wire[],
  outgoing: ReadonlyMap<number, readonly number[]>,
  isFlipped: boolean[],
): readonly number[] {
  const state = new Map<number, "open" | "done">();
  const order: number[] = [];
  for (const root of wired) {
    if (state.has(root)) continue;
    const stack = [{ item: root, next: 0 }];
    state.set(root, "open");
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const wire = outgoing.get(top.item)?.[top.next++];
      if (wire === undefined) {
        state.set(top.item, "done");
        order.push(top.item);
        stack.pop();
        continue;
      }
      const { to } = wires[wire];
      if (state.get(to) === "open") isFlipped[wire] = true;
      else if (!state.has(to)) {
        state.set(to, "open");
        stack.push({ item: to, next: 0 });
      }
    }
  }
  return order.reverse();
}

/** Renumbers the ranks without gaps. */
function withoutGaps(ranks: readonly number[], wired: ReadonlySet<number>): readonly number[] {
  const used = [...new Set([...wired].map((k) => ranks[k]))].sort((a, b) => a - b);
  const positions = new Map(used.map((rank, k) => [rank, k]));
  return ranks.map((rank) => positions.get(rank) ?? 0);
}
