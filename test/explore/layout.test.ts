/** The explorer's graph layout: nothing overlaps, lines point down, and large graphs are laid out too. */

import { describe, expect, test } from "vitest";
import type { Drawing } from "../../src/explore/data.ts";
import { NO_LINK } from "../../src/explore/link.ts";
import { arrange } from "../../src/explore/page/graph/layered.ts";
import { type Layout, layOut } from "../../src/explore/page/graph/nested.ts";
import { openedFirst, seenOf } from "../../src/explore/page/graph/opened.ts";
import { visitsOf } from "../../src/explore/visits.ts";

const BOX = { width: 80, height: 30 };

/** A drawing of boxes in groups; the name of each box is its path of groups. */
function drawingOf(paths: readonly string[], arrows: readonly (readonly [number, number])[]): Drawing {
  const titles: string[] = [];
  const groups: Drawing["groups"][number][] = [];
  const groupOf = (path: string): number => {
    if (path === "") return -1;
    const known = titles.indexOf(path);
    if (known >= 0) return known;
    const parent = groupOf(path.split("/").slice(0, -1).join("/"));
    titles.push(path);
    return groups.push({ kind: "module", title: path, parent, link: NO_LINK }) - 1;
  };
  const boxes = paths.map((path, k) => ({
    ...{ kind: "op" as const, name: `%${k}`, title: "add", lines: [], place: "", detail: "" },
    ...{ parent: groupOf(path), link: NO_LINK },
  }));
  return { groups, boxes, arrows: arrows.map(([from, to]) => ({ from, to, detail: `${from}` })) };
}

const layoutOf = (drawing: Drawing, opened: ReadonlySet<number>): Layout =>
  layOut(
    drawing,
    seenOf(drawing, (group) => opened.has(group)),
    () => BOX,
  );

const all = ({ groups }: Drawing): ReadonlySet<number> => new Set(groups.keys());

/** Two consecutive modules, a connection that bypasses both, and an unconnected box. */
const SMALL = drawingOf(
  ["", "a", "a", "a/inner", "b", "b", "", ""],
  [
    [0, 1],
    [1, 2],
    [1, 3],
    [2, 4],
    [3, 4],
    [4, 5],
    [5, 6],
    [0, 6],
  ],
);

describe("a drawing", () => {
  test("contains each box once, without overlaps, inside its groups", () => {
    const { placed, width, height } = layoutOf(SMALL, all(SMALL));
    expect(placed.filter(({ part }) => part.kind === "box")).toHaveLength(8);
    for (const [k, a] of placed.entries()) {
      expect(Math.min(a.x, a.y, width - a.x - a.width, height - a.y - a.height)).toBeGreaterThanOrEqual(
        -0.01,
      );
      for (const b of placed.slice(k + 1)) {
        const apart =
          a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        const within =
          a.isOpen &&
          b.x >= a.x &&
          b.y >= a.y &&
          b.x + b.width <= a.x + a.width &&
          b.y + b.height <= a.y + a.height;
        expect(apart || within, JSON.stringify([a, b])).toBe(true);
      }
    }
  });

  test("routes each line downwards without gaps from start to end", () => {
    const { lines, placed } = layoutOf(SMALL, all(SMALL));
    for (const { route } of lines) {
      const heights = route.map(({ y }) => y);
      expect(heights).toEqual(heights.toSorted((a, b) => a - b));
    }
    expect(lines.filter(({ hasTip }) => hasTip)).toHaveLength(SMALL.arrows.length);
    const bottoms = placed.map(({ y, height }) => y + height);
    const ends = lines.map(({ route }) => route[route.length - 1].y);
    // A line that does not end at a box ends at the edge of a group.
    for (const [k, { hasTip }] of lines.entries()) {
      const edges = hasTip ? placed.map(({ y }) => y) : [...placed.map(({ y }) => y), ...bottoms];
      expect(edges.some((edge) => Math.abs(edge - ends[k]) < 0.01)).toBe(true);
    }
  });

  test("shows a closed group as one box, and its lines once", () => {
    const { placed, lines } = layoutOf(SMALL, new Set());
    expect(placed.map(({ part }) => part)).toEqual([
      ...[0, 2].map((position) => ({ kind: "group", position })),
      ...[0, 6, 7].map((position) => ({ kind: "box", position })),
    ]);
    expect(lines).toHaveLength(4);
  });

  test("opens groups as long as the picture stays legible", () => {
    expect(openedFirst(SMALL).size).toBe(3);
    const many = drawingOf(
      Array.from({ length: 400 }, (_, k) => `layer${k % 20}`),
      [],
    );
    expect(openedFirst(many).size).toBe(0);
  });

  test("may contain cycles, or no boxes at all", () => {
    const circle = drawingOf(
      ["a", "b", "a"],
      [
        [0, 1],
        [1, 2],
      ],
    );
    expect(layoutOf(circle, new Set()).lines).toHaveLength(2);
    expect(arrange([], [])).toMatchObject({ width: 0, height: 0 });
  });
});

test("two thousand boxes with long connections are laid out", () => {
  const count = 2000;
  const arrows = Array.from({ length: count - 1 }, (_, k): [number, number] => [k, k + 1]);
  for (let k = 0; k + 30 < count; k += 15) arrows.push([k, k + 30]);
  const paths = Array.from(
    { length: count },
    (_, k) => `layer${Math.floor(k / 100)}/block${Math.floor(k / 20)}`,
  );
  const { placed, lines } = layoutOf(
    drawingOf(paths, arrows),
    new Set(Array.from({ length: 120 }, (_, k) => k)),
  );
  expect(placed.length).toBeGreaterThan(count);
  expect(lines.every(({ route }) => route.every(({ x, y }) => Number.isFinite(x + y)))).toBe(true);
});

test("a module that is called again on its own result is one group per call", () => {
  const member = (path: string[], ...reads: number[]) => ({ path, reads });
  const visits = visitsOf([
    member(["cell"]),
    member([], 0),
    member(["cell"], 1),
    member(["cell"], 0),
    member([], 2),
    member(["cell"], 4, 3),
  ]);
  expect(visits).toEqual([[0], [], [1], [0], [], [2]]);
});
