/**
 * Lays out the visible part of a drawing: each open group separately, then as one box in its enclosing group. A line
 * into an open group enters at its top edge and continues inside; a line out of it leaves at its bottom edge.
 */

import type { Drawing } from "../../data.ts";
import { type Arranged, arrange, type Item, type Point, type Wire } from "./layered.ts";
import type { Part, Seen, SeenArrow } from "./opened.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Placed {
  readonly part: Part;
  readonly isOpen: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Line {
  readonly route: readonly Point[];
  /** Whether it has an arrowhead: it ends at its target, not at the edge of a group. */
  readonly hasTip: boolean;
  readonly details: readonly string[];
}

export interface Layout extends Size {
  /** Groups come before their contents. */
  readonly placed: readonly Placed[];
  readonly lines: readonly Line[];
}

/** The padding of an open group; its title is at the top. */
export const FRAME = { side: 14, top: 30, bottom: 16 } as const;

const keyOf = ({ kind, position }: Part): string => `${kind} ${position}`;

/** The part of a line within one group: between its direct children, or from or to its edges. */
interface Segment {
  readonly from: string;
  readonly to: string;
  /** The start of the whole line: lines from the same source cross edges at the same point. */
  readonly source: string;
  readonly hasTip: boolean;
  readonly details: string[];
}

/** `sizeOf` returns the size of a box or a closed group; for an open group, the width of its title. */
export function layOut(drawing: Drawing, seen: Seen, sizeOf: (part: Part) => Size): Layout {
  const segments = segmentsOf(drawing, seen);
  const arranged = new Map<number, Frame>();
  const root = frameOf(-1);
  const placed: Placed[] = [];
  const lines: Line[] = [];
  put(root, { x: 0, y: 0 });
  return { width: root.width, height: root.height, placed, lines };

  function frameOf(group: number): Frame {
    const known = arranged.get(group);
    if (known !== undefined) return known;
    const parts = seen.children.get(group) ?? [];
    const own = [...(segments.get(group)?.values() ?? [])];
    const ports = [...new Set(own.flatMap(({ from, to }) => [from, to].filter(isPort)))];
    const keys = [...parts.map(keyOf), ...ports];
    const positions = new Map(keys.map((key, k) => [key, k]));
    const frames = parts.map((part) => (isOpen(part) ? frameOf(part.position) : undefined));
    const items = [
      ...parts.map((part, k): Item => frames[k] ?? sizeOf(part)),
      ...ports.map(
        (port): Item => ({ width: PORT, height: 0, port: port.startsWith(TOP) ? "top" : "bottom" }),
      ),
    ];
    const wires = own.map(({ from, to, source }): Wire => {
      const [begin, end] = [positions.get(from)!, positions.get(to)!];
      const fromX = frames[begin]?.ports.get(`${BOTTOM}${source}`);
      const toX = frames[end]?.ports.get(`${TOP}${source}`);
      return {
        from: begin,
        to: end,
        ...(fromX !== undefined && { fromX }),
        ...(toX !== undefined && { toX }),
      };
    });
    const inner = arrange(items, wires);
    const edge = group < 0 ? { side: 0, top: 0, bottom: 0 } : FRAME;
    const least = group < 0 ? 0 : sizeOf({ kind: "group", position: group }).width;
    const width = Math.max(least, inner.width + 2 * edge.side);
    const shift = (width - inner.width) / 2;
    const frame: Frame = {
      ...{ group, parts, frames, inner, segments: own, shift, top: edge.top },
      ...{ width, height: inner.height + edge.top + edge.bottom },
      ports: new Map(ports.map((port) => [port, inner.places[positions.get(port)!].x + shift + PORT / 2])),
    };
    arranged.set(group, frame);
    return frame;
  }

  function put(frame: Frame, { x, y }: Point): void {
    const at = (point: Point): Point => ({ x: x + frame.shift + point.x, y: y + frame.top + point.y });
    frame.segments.forEach(({ from, to, hasTip, details }, k) => {
      const route = frame.inner.routes[k].map(at);
      const begin = isPort(from) ? [{ x: route[0].x, y }] : [];
      const end = isPort(to) ? [{ x: route[route.length - 1].x, y: y + frame.height }] : [];
      lines.push({ route: [...begin, ...route, ...end], hasTip, details });
    });
    frame.parts.forEach((part, k) => {
      const place = at(frame.inner.places[k]);
      const inside = frame.frames[k];
      const { width, height } = inside ?? sizeOf(part);
      placed.push({ part, isOpen: inside !== undefined, ...place, width, height });
      if (inside !== undefined) put(inside, place);
    });
  }

  function isOpen({ kind, position }: Part): boolean {
    return kind === "group" && seen.children.has(position);
  }
}

interface Frame extends Size {
  readonly group: number;
  readonly parts: readonly Part[];
  /** The frames of the parts that are open groups; `undefined` for others. */
  readonly frames: readonly (Frame | undefined)[];
  readonly inner: Arranged;
  readonly segments: readonly Segment[];
  readonly shift: number;
  readonly top: number;
  /** Where lines cross the edges, measured from the left. */
  readonly ports: ReadonlyMap<string, number>;
}

/** The width of the point where a line crosses an edge. */
const PORT = 8;

const TOP = "top of ";
const BOTTOM = "bottom of ";

const isPort = (key: string): boolean => key.startsWith(TOP) || key.startsWith(BOTTOM);

/** The line segments within each open group. */
function segmentsOf(drawing: Drawing, seen: Seen): ReadonlyMap<number, ReadonlyMap<string, Segment>> {
  const { groups, boxes } = drawing;
  const segments = new Map<number, Map<string, Segment>>();
  for (const arrow of seen.arrows) {
    const [from, to] = [holders(arrow.from), holders(arrow.to)];
    let common = 0;
    while (from[common + 1] !== undefined && from[common + 1] === to[common + 1]) common++;
    const begin = partAt(from, common, arrow.from);
    const end = partAt(to, common, arrow.to);
    const isBetweenPhases = [begin, end].every(
      ({ kind, position }) => kind === "group" && groups[position].kind === "phase",
    );
    const source = keyOf(isBetweenPhases ? begin : arrow.from);
    add(from[common], keyOf(begin), keyOf(end), source, isBetweenPhases || end === arrow.to, arrow);
    if (isBetweenPhases) continue;
    for (let depth = common + 1; depth < from.length; depth++) {
      add(from[depth], keyOf(partAt(from, depth, arrow.from)), `${BOTTOM}${source}`, source, false, arrow);
    }
    for (let depth = common + 1; depth < to.length; depth++) {
      const part = partAt(to, depth, arrow.to);
      add(to[depth], `${TOP}${source}`, keyOf(part), source, part === arrow.to, arrow);
    }
  }
  return segments;

  /** The open groups that contain a part, outermost first, beginning with -1 for the whole drawing. */
  function holders({ kind, position }: Part): readonly number[] {
    const found: number[] = [];
    const { parent } = kind === "box" ? boxes[position] : groups[position];
    for (let at = parent; at >= 0; at = groups[at].parent) found.push(at);
    return [-1, ...found.reverse()];
  }

  /** The child of the group at `depth` that contains `part` or is `part`. */
  function partAt(way: readonly number[], depth: number, part: Part): Part {
    return depth + 1 < way.length ? { kind: "group", position: way[depth + 1] } : part;
  }

  function add(
    group: number,
    from: string,
    to: string,
    source: string,
    hasTip: boolean,
    { details }: SeenArrow,
  ): void {
    const own = segments.get(group) ?? new Map<string, Segment>();
    segments.set(group, own);
    const key = [from, to, source].join("|");
    const known = own.get(key);
    if (known === undefined) own.set(key, { from, to, source, hasTip, details: [...details] });
    else known.details.push(...details.filter((detail) => !known.details.includes(detail)));
  }
}
