/** Groups of nodes while they grow: what fusion asks about one, and its name. */

import { topologicalOrder } from "../../src/core/topological.ts";
import { producerOf } from "../../src/ir/body.ts";
import { CONSTANT } from "../../src/ir/builder.ts";
import type { Node } from "../../src/ir/types.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import { reducesAcross } from "./cheap.ts";
import type { IndexMaps } from "./index-maps.ts";

/** A group while it grows. */
export interface Draft {
  /** Its nodes, each with the loops that evaluate its elements: the group's own, or those of a reduction or a window. */
  readonly nodes: Map<Node, ReadonlySet<Place>>;
  readonly stores: Set<Node>;
  /** The groups that store what this one reads. */
  readonly needs: Set<Draft>;
}

export type Place = Draft | Node;

export const newDraft = (): Draft => ({ nodes: new Map(), stores: new Set(), needs: new Set() });

/** Whether `draft` waits for any of `others`, directly or not. */
export function needsAny(draft: Draft, others: ReadonlySet<Draft>): boolean {
  const needed = new Set(draft.needs);
  for (const next of needed) {
    if (others.has(next)) return true;
    for (const further of next.needs) needed.add(further);
  }
  return false;
}

/** Whether a node of that pattern is in the group. */
export const contains = (draft: Draft, pattern: string): boolean =>
  [...draft.nodes.keys()].some((node) => definitionOf(node).pattern === pattern);

/** The loops of `draft` that evaluate what its `users` read: if there are several, they may round differently. */
export function placesIn(
  draft: Draft,
  users: readonly Node[],
  maps: Pick<IndexMaps, "has">,
): ReadonlySet<Place> {
  const places = new Set<Place>();
  for (const user of users) {
    const outer = draft.nodes.get(user);
    if (outer === undefined) continue;
    const { pattern } = definitionOf(user);
    const passesOn = pattern === "elementwise" || maps.has(user);
    if (passesOn || pattern === "row") for (const place of outer) places.add(place);
    if (!passesOn) places.add(producerOf(user));
  }
  return places;
}

/** Whether a factor of a product in `draft` is computed from what these `users` read. */
export const isFactor = (draft: Draft, users: readonly Node[], maps: Pick<IndexMaps, "has">): boolean =>
  [...placesIn(draft, users, maps)].some(
    (place) => "op" in place && definitionOf(place).pattern === "contraction",
  );

/**
 * Whether a group may compute `node` in these places if it needs whole rows: not inside
 * a product, which would run in tiles across rows without it, nor in a reduction across
 * rows, which would compute every row again for each of its results.
 */
export function mayHoldRow(draft: Draft, node: Node, places: ReadonlySet<Place>): boolean {
  if (definitionOf(node).pattern !== "row") return true;
  if (contains(draft, "contraction")) return false;
  return [...places].every((place) => !("op" in place && reducesAcross(node, place)));
}

/** Groups in an order in which every value is stored before it is read. */
export function ordered(all: readonly Draft[], position: ReadonlyMap<Node, number>): Draft[] {
  // A group that stores several values comes with the last of them: until then nothing waits for it.
  const last = new Map(
    all.map((draft) => [draft, Math.max(...[...draft.stores].map((node) => position.get(node)!))]),
  );
  const byPosition = (drafts: Iterable<Draft>): Draft[] =>
    [...drafts].sort((a, b) => last.get(a)! - last.get(b)!);
  return topologicalOrder(byPosition(all), ({ needs }) => byPosition(needs));
}

const MOST_NAMES = 5;

/** The ops of a group in order, without repetition and without those that leave no trace in code. */
export function groupName(nodes: readonly Node[]): string {
  const ops = nodes.map((node) => producerOf(node).op);
  const isNamed = (op: string): boolean => op !== CONSTANT && definitionOf(op).movement === undefined;
  const named = [...new Set(ops)].filter(isNamed);
  const shown = named.length === 0 ? [...new Set(ops)] : named;
  return shown.length <= MOST_NAMES ? shown.join("_") : `${shown.slice(0, MOST_NAMES).join("_")}_and_more`;
}
