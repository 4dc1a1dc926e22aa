/** What is visible of a drawing when some of its groups are open: boxes, closed groups, and the arrows between them. */

import type { Drawing, DrawnArrow } from "../../data.ts";

/** A box or a group, by its position. */
export interface Part {
  readonly kind: "box" | "group";
  readonly position: number;
}

export interface SeenArrow {
  readonly from: Part;
  readonly to: Part;
  readonly details: readonly string[];
}

export interface Seen {
  /** The direct children of each open group; those outside all groups are at -1. */
  readonly children: ReadonlyMap<number, readonly Part[]>;
  readonly arrows: readonly SeenArrow[];
}

/** Groups are not opened automatically if more boxes than this would be visible. */
const LEGIBLE = 100;

/** The number of boxes in each group, including those in nested groups. */
export function sizesOf({ groups, boxes }: Drawing): readonly number[] {
  const sizes = groups.map(() => 0);
  for (const { parent } of boxes) {
    for (let at = parent; at >= 0; at = groups[at].parent) sizes[at]++;
  }
  return sizes;
}

/** A key for each group that is the same in the drawings of other stages. */
export function keysOf({ groups }: Drawing): readonly string[] {
  const keys: string[] = [];
  for (const { kind, title, parent } of groups) keys.push(`${keys[parent] ?? ""}\n${kind} ${title}`);
  return keys;
}

/**
 * The groups that are open at first: the phases, then level by level all groups, as long as the picture stays legible.
 */
export function openedFirst({ groups, boxes }: Drawing): ReadonlySet<number> {
  const inside = groups.map(() => 0);
  let seen = 0;
  for (const { parent } of [...groups, ...boxes]) {
    if (parent < 0) seen++;
    else inside[parent]++;
  }
  const depths: number[] = [];
  for (const { parent } of groups) depths.push(parent < 0 ? 0 : depths[parent] + 1);
  const opened = new Set<number>();
  for (let depth = 0; ; depth++) {
    const level = groups.flatMap((_, k) => (depths[k] === depth ? [k] : []));
    const more = level.reduce((sum, k) => sum + inside[k] - 1, 0);
    const isOuter = level.every((k) => groups[k].kind === "phase");
    if (level.length === 0 || (seen + more > LEGIBLE && !isOuter)) return opened;
    for (const k of level) opened.add(k);
    seen += more;
  }
}

export function seenOf(drawing: Drawing, isOpen: (group: number) => boolean): Seen {
  const { groups, boxes, arrows } = drawing;
  const isSeen: boolean[] = [];
  for (const { parent } of groups) isSeen.push(parent < 0 || (isSeen[parent] && isOpen(parent)));
  const children = new Map<number, Part[]>([[-1, []]]);
  groups.forEach((_, position) => {
    if (isSeen[position] && isOpen(position)) children.set(position, []);
  });
  const stand = (parent: number, part: Part): void => {
    children.get(parent)?.push(part);
  };
  groups.forEach(({ parent }, position) => {
    stand(parent, { kind: "group", position });
  });
  boxes.forEach(({ parent }, position) => {
    stand(parent, { kind: "box", position });
  });
  const shown = boxes.map(({ parent }, position): Part => {
    let part: Part = { kind: "box", position };
    for (let at = parent; at >= 0; at = groups[at].parent) {
      if (!isOpen(at)) part = { kind: "group", position: at };
    }
    return part;
  });
  return { children, arrows: merged(arrows, shown) };
}

/** Merges arrows between the same two parts. */
function merged(arrows: readonly DrawnArrow[], shown: readonly Part[]): readonly SeenArrow[] {
  const seen = new Map<string, { from: Part; to: Part; details: string[] }>();
  for (const { from, to, detail } of arrows) {
    const ends = [shown[from], shown[to]];
    const [begin, end] = ends.map(({ kind, position }) => `${kind} ${position}`);
    if (begin === end) continue;
    const known = seen.get(`${begin} ${end}`);
    if (known === undefined) {
      seen.set(`${begin} ${end}`, { from: ends[0], to: ends[1], details: [detail] });
    } else if (!known.details.includes(detail)) known.details.push(detail);
  }
  return [...seen.values()];
}
