/**
 * Layered graph layout (Sugiyama, Tagawa and Toda): boxes are placed in ranks from top to bottom, and lines are routed
 * around them. Ranks come from longest paths, the order within ranks from barycentres, horizontal positions from least
 * squares. The time grows about linearly with the number of boxes and of the ranks that lines cross.
 */

import { groupBy } from "../../../core/group-by.ts";
import { crossings, orderRanks } from "./rank-order.ts";
import { placeAcross } from "./rank-places.ts";
import { ranksOf } from "./ranks.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Item {
  readonly width: number;
  readonly height: number;
  /** Set if the item is the point where lines enter a frame at its top or leave it at its bottom. */
  readonly port?: "top" | "bottom";
}

export interface Wire {
  /** Positions of items. */
  readonly from: number;
  readonly to: number;
  /** Where it leaves and arrives, measured from the item's left edge; if absent, the layout chooses. */
  readonly fromX?: number;
  readonly toX?: number;
}

export interface Arranged {
  readonly width: number;
  readonly height: number;
  /** Upper left corners of the items. */
  readonly places: readonly Point[];
  /** For each wire: its start, two points for each rank that it crosses, and its end. */
  readonly routes: readonly (readonly Point[])[];
}

/** A place in a rank: a box, or a bend of a wire. */
export interface Slot {
  /** Position of the item; absent for a bend. */
  readonly item?: number;
  readonly width: number;
  readonly height: number;
  readonly rank: number;
}

/** A piece of a wire from one rank to the next; `upper` and `lower` are positions of slots. */
export interface Piece {
  readonly upper: number;
  readonly lower: number;
  /** Where it touches them, measured from their centres. */
  readonly upperX: number;
  readonly lowerX: number;
}

const GAP = { across: 18, bend: 10, down: 30, edge: 14 } as const;

/** The width of a bend in a rank. */
const BEND = 2;

/** Minimum width of the rows of boxes without wires; they are as wide as the rest if that is wider. */
const LEAST_ROW = 640;

export function arrange(items: readonly Item[], wires: readonly Wire[]): Arranged {
  const wired = new Set(wires.flatMap(({ from, to }) => [from, to]));
  const { ranks, isFlipped } = ranksOf(items, wires, wired);
  const slots: Slot[] = [];
  const slotOf = new Map<number, number>();
  for (const item of wired) {
    const { width, height } = items[item];
    slotOf.set(item, slots.push({ item, width, height, rank: ranks[item] }) - 1);
  }
  const middle = (x: number | undefined, item: number): number =>
    x === undefined ? 0 : x - items[item].width / 2;
  const pieces: Piece[] = [];
  const chains = wires.map(({ from, to, fromX, toX }, k) => {
    const [upper, lower] = isFlipped[k] ? [to, from] : [from, to];
    const [upperX, lowerX] = isFlipped[k]
      ? [middle(toX, to), middle(fromX, from)]
      : [middle(fromX, from), middle(toX, to)];
    const chain = [slotOf.get(upper)!];
    for (let rank = ranks[upper] + 1; rank < ranks[lower]; rank++)
      chain.push(slots.push({ width: BEND, height: 0, rank }) - 1);
    chain.push(slotOf.get(lower)!);
    for (let step = 1; step < chain.length; step++) {
      const isLast = step === chain.length - 1;
      pieces.push({
        ...{ upper: chain[step - 1], lower: chain[step] },
        ...{ upperX: step === 1 ? upperX : 0, lowerX: isLast ? lowerX : 0 },
      });
    }
    return chain;
  });
  const order = orderRanks(slots, pieces);
  const centres = placeAcross(slots, pieces, order, GAP);
  const left = Math.min(0, ...slots.map(({ width }, k) => centres[k] - width / 2));
  const right = Math.max(0, ...slots.map(({ width }, k) => centres[k] + width / 2));
  const rows = rowsOf(order, slots, pieces);
  const places: Point[] = items.map(() => ({ x: 0, y: 0 }));
  for (const [item, slot] of slotOf) {
    const { top, height } = rows[slots[slot].rank];
    const { width, height: own } = items[item];
    const y = items[item].port === "bottom" ? top + height : top + (height - own) / 2;
    places[item] = { x: centres[slot] - width / 2 - left, y };
  }
  const ends = spreadEnds(items, wires, places);
  const routes = chains.map((chain, k) => {
    const bends = chain.slice(1, -1).flatMap((slot) => {
      const { top, height } = rows[slots[slot].rank];
      const x = centres[slot] - left;
      return [
        { x, y: top },
        { x, y: top + height },
      ];
    });
    const { from, to } = wires[k];
    const begin = { x: ends[k].from, y: places[from].y + (isFlipped[k] ? 0 : items[from].height) };
    const end = { x: ends[k].to, y: places[to].y + (isFlipped[k] ? items[to].height : 0) };
    return [begin, ...(isFlipped[k] ? bends.reverse() : bends), end];
  });
  const wiredHeight = rows.length === 0 ? 0 : rows[rows.length - 1].top + rows[rows.length - 1].height;
  const alone = items.flatMap((_, k) => (wired.has(k) ? [] : [k]));
  const shelf = shelve(
    alone,
    items,
    Math.max(right - left, LEAST_ROW),
    wiredHeight === 0 ? 0 : wiredHeight + GAP.down,
  );
  for (const [item, place] of shelf.places) places[item] = place;
  return {
    width: Math.max(right - left, shelf.width),
    height: alone.length > 0 ? shelf.height : wiredHeight,
    places,
    routes,
  };
}

/** The top and the height of each rank; the more lines cross above it, the more space is left there. */
function rowsOf(
  order: readonly (readonly number[])[],
  slots: readonly Slot[],
  pieces: readonly Piece[],
): readonly { readonly top: number; readonly height: number }[] {
  const byLower = groupBy(pieces, ({ lower }) => slots[lower].rank);
  const isPort = (slot: number): boolean => slots[slot].height === 0;
  let top = 0;
  return order.map((rank, k) => {
    const height = Math.max(0, ...rank.map((slot) => slots[slot].height));
    const crossed = crossings(order[k - 1] ?? [], rank, byLower.get(k) ?? []);
    const isAtEdge = k > 0 && [rank, order[k - 1]].some((row) => row.every((slot) => isPort(slot)));
    if (k > 0) top += (isAtEdge ? GAP.edge : GAP.down) + Math.min(40, 2 * crossed);
    const row = { top, height };
    top += height;
    return row;
  });
}

/** Spreads the ends of wires without a fixed position along their box, in the order of their other ends. */
function spreadEnds(
  items: readonly Item[],
  wires: readonly Wire[],
  places: readonly Point[],
): readonly { readonly from: number; readonly to: number }[] {
  const ends = wires.map(({ from, to, fromX, toX }) => ({
    from: places[from].x + (fromX ?? items[from].width / 2),
    to: places[to].x + (toX ?? items[to].width / 2),
  }));
  for (const side of ["from", "to"] as const) {
    const other = side === "from" ? "to" : "from";
    const free = wires.flatMap((wire, k) => (wire[`${side}X`] === undefined ? [k] : []));
    for (const [item, own] of groupBy(free, (k) => wires[k][side])) {
      const middles = new Map(
        own.map((k) => [k, places[wires[k][other]].x + items[wires[k][other]].width / 2]),
      );
      own.sort((a, b) => middles.get(a)! - middles.get(b)!);
      const step = Math.min(14, (items[item].width - 16) / own.length);
      own.forEach((k, place) => {
        ends[k][side] += Math.max(0, step) * (place - (own.length - 1) / 2);
      });
    }
  }
  return ends;
}

/** Places items without wires in rows below the rest. */
function shelve(
  alone: readonly number[],
  items: readonly Item[],
  width: number,
  top: number,
): { readonly places: ReadonlyMap<number, Point>; readonly width: number; readonly height: number } {
  const places = new Map<number, Point>();
  let [x, y, rowHeight, widest] = [0, top, 0, 0];
  for (const item of alone) {
    const { width: own, height } = items[item];
    if (x > 0 && x + own > width) [x, y, rowHeight] = [0, y + rowHeight + GAP.across, 0];
    places.set(item, { x, y });
    x += own + GAP.across;
    widest = Math.max(widest, x - GAP.across);
    rowHeight = Math.max(rowHeight, height);
  }
  return { places, width: widest, height: y + rowHeight };
}
