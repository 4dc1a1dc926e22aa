/** No circles of imports, those of types counted: none between folders that stand side by side, none inside `passes`. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Import {
  readonly from: string;
  readonly to: string;
}

const FILES = ["src", "passes", "backends"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
);

/** The files that a file imports, re-exports, loads on demand or names as the source of a type. */
const IMPORTS: readonly Import[] = FILES.flatMap((from) =>
  ts
    .preProcessFile(readFileSync(join(ROOT, from), "utf8"))
    .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
    .map(({ fileName }) => ({ from, to: join(dirname(from), fileName) })),
);

/** A circle among what `nameOf` calls both ends of imports, as a list that ends where it began; empty where there is none. */
function circleAmong(
  imports: readonly Import[],
  nameOf: (path: string) => string | undefined,
): readonly string[] {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const [a, b] = [nameOf(from), nameOf(to)];
    if (a !== undefined && b !== undefined && a !== b) edges.set(a, (edges.get(a) ?? new Set()).add(b));
  }
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): readonly string[] => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (done.has(name)) return [];
    for (const next of edges.get(name) ?? []) {
      const circle = visit(next, [...trail, name]);
      if (circle.length > 0) return circle;
    }
    done.add(name);
    return [];
  };
  for (const name of edges.keys()) {
    const circle = visit(name, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

/** The imports that lead from one member of a circle to the next. */
const along = (circle: readonly string[]): string[] =>
  circle
    .slice(1)
    .map((to, k) => IMPORTS.find((i) => i.from.startsWith(circle[k]) && i.to.startsWith(to)))
    .map((i) => `${i?.from} -> ${i?.to}`);

const FOLDERS = new Set(
  FILES.flatMap((file) => {
    const parts = dirname(file).split("/");
    return parts.map((_, k) => parts.slice(0, k + 1).join("/"));
  }),
);

/** Folders that stand side by side. The rooms of `src` stand beside `passes` and `backends`, which lie between them. */
function siblingsIn(parent: string): readonly string[] {
  const within = (folder: string): string[] => [...FOLDERS].filter((other) => dirname(other) === folder);
  return parent === "." ? [...within("src"), "passes", "backends"] : within(parent);
}

const PARENTS = [".", ...FOLDERS].filter((parent) => parent !== "src" && siblingsIn(parent).length > 1);

describe("circles of imports", () => {
  test("are found", () => {
    // Guards the test itself: a wrong path would find no import, and so no circle.
    const back: Import = { from: "src/core/shape.ts", to: "src/ops/shape.ts" };
    const room = (path: string): string => path.split("/").slice(0, 2).join("/");
    expect(circleAmong([...IMPORTS, back], room).length).toBeGreaterThan(2);
    expect(IMPORTS.length).toBeGreaterThan(1500);
    expect(IMPORTS.every(({ to }) => FILES.includes(to) || !to.endsWith(".ts"))).toBe(true);
    expect(PARENTS).toContain("passes");
  });

  test.each(PARENTS)("there is none between the folders of %s", (parent) => {
    const siblings = siblingsIn(parent);
    const folderOf = (path: string): string | undefined =>
      siblings.find((folder) => path.startsWith(`${folder}/`));
    expect(along(circleAmong(IMPORTS, folderOf).map((folder) => `${folder}/`))).toEqual([]);
  });

  test("there is none between the files of passes", () => {
    const inPasses = (path: string): string | undefined => (path.startsWith("passes/") ? path : undefined);
    expect(circleAmong(IMPORTS, inPasses)).toEqual([]);
  });
});
