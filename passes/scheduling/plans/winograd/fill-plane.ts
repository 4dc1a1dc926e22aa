/**
 * Copies planes into a block's scratch, channels in vectors and padding as zeros, for transforms to read without a
 * guard. Max-pool's gradient is spread out on the way: every position of a window gets the gradient or zero.
 */

import { coefficientOf, occursInside, toAffine } from "../../../../src/loop/affine.ts";
import { add, compare, float, int, load, mul, select, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { type Lanes, lanePartsOf } from "../../analysis/lanes.ts";
import type { GridLoop, Nest, StoreTarget } from "../../analysis/nest.ts";
import { winnerAt } from "../../analysis/sparse-factor.ts";
import { interiorOf, zeros } from "../../transforms/clear.ts";
import { fills } from "../../transforms/copy.ts";
import type { Plane, PooledPlane } from "./plane.ts";
import { lane, type Phases } from "./workspace.ts";

/** Planes in scratch: `[image][vector of channels][row][column][element]`. */
export interface PlaneScratch {
  readonly name: string;
  readonly images: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Elements of a vector. */
  readonly lanes: number;
}

const vectorsOf = ({ channels, lanes }: PlaneScratch): number => Math.ceil(channels / lanes);

export const planeLength = (s: PlaneScratch): number =>
  s.images * vectorsOf(s) * s.height * s.width * s.lanes;

/** Index of the first element of a vector. */
export const planeIndex = (s: PlaneScratch, image: Expr, vector: Expr, row: Expr, column: Expr): Expr =>
  mul(
    add(mul(add(mul(add(mul(image, int(vectorsOf(s))), vector), int(s.height)), row), int(s.width)), column),
    int(s.lanes),
  );

/** Fills scratch with `plane`; `imageAt` tells which image the block's image is. */
export function fillPlane(
  target: PlaneScratch,
  plane: Plane,
  imageAt: (image: Expr) => Expr,
  phases: Phases,
): Stmt[] {
  const { channels, lanes } = target;
  const whole = Math.floor(channels / lanes);
  const parts = [
    { vectors: whole, first: 0, elements: lanes },
    { vectors: Math.min(1, channels % lanes), first: whole, elements: channels % lanes },
  ].filter(({ vectors }) => vectors > 0);
  const nests = parts.flatMap(({ vectors, first, elements }): Nest[] => {
    const vector = add(variable("vector"), int(first));
    const channel = add(mul(vector, int(lanes)), variable("element"));
    const loops: GridLoop[] = [
      { name: "image", extent: target.images },
      { name: "vector", extent: vectors },
      { name: "element", extent: elements },
    ];
    const at = (row: Expr, column: Expr): Expr =>
      add(planeIndex(target, variable("image"), vector, row, column), variable("element"));
    const image = imageAt(variable("image"));
    return plane.pooled === undefined
      ? densePart(target, plane, loops, at, (row, column) => plane.at(image, channel, row, column))
      : [pooledPart(target, plane.pooled, loops, at, plane.pooled.base(image, channel))];
  });
  const covered = nests.reduce(
    (sum, { loops, stores }) => sum + loops.reduce((n, l) => n * l.extent, stores.length),
    0,
  );
  const cleared = covered === planeLength(target) ? [] : zeros(target.name, planeLength(target), lanes);
  return [...cleared, ...nests.flatMap((nest) => inLanes(nest, lanes))].flatMap((nest) =>
    phases.stores(nest.loops, nest.stores),
  );
}

/** What lies inside of the guards, without them; everything with its guards where they follow no pattern. */
function densePart(
  { name: buffer }: PlaneScratch,
  { extents: [rows, columns] }: Plane,
  outer: readonly GridLoop[],
  at: (row: Expr, column: Expr) => Expr,
  value: (row: Expr, column: Expr) => Expr,
): Nest[] {
  const [row, column] = [variable("row"), variable("column")];
  const nest: Nest = {
    name: "copy",
    loops: [...outer, { name: "row", extent: rows }, { name: "column", extent: columns }],
    stores: [{ buffer, index: at(row, column), value: value(row, column) }],
  };
  return [interiorOf(nest) ?? nest];
}

/** All positions of all windows, window by window. */
function pooledPart(
  { name: buffer }: PlaneScratch,
  { sparse, start }: PooledPlane,
  outer: readonly GridLoop[],
  at: (row: Expr, column: Expr) => Expr,
  base: Expr,
): Nest {
  const [height, width] = sparse.window;
  const [rows, columns] = sparse.plane;
  const [row, column] = [variable("row"), variable("column")];
  const index = add(base, add(mul(row, int(columns)), column));
  const gradient = load(sparse.gradient, "float32", index);
  const winner = winnerAt(sparse, index);
  const stores: StoreTarget[] = [];
  for (let tap = 0; tap < height * width; tap++) {
    const y = add(mul(row, int(height)), int(start[0] + Math.floor(tap / width)));
    const x = add(mul(column, int(width)), int(start[1] + (tap % width)));
    const value = select(compare("eq", winner, int(tap)), gradient, float(0));
    stores.push({ buffer, index: at(y, x), value });
  }
  const loops = [...outer, { name: "row", extent: rows }, { name: "column", extent: columns }];
  return { name: "spread", loops, stores };
}

/** The nest with its columns in lanes, where their elements are neighbours in the source and fill vectors. */
function inLanes(nest: Nest, width: number): Nest[] {
  const columns = nest.loops.find(({ name }) => name === "column");
  if (columns === undefined || !fills(columns.extent, width) || !nest.stores.every(readsNeighbours))
    return [nest];
  const cut: Lanes = { loop: "column", extent: columns.extent, width, vectors: 1, padded: false };
  return lanePartsOf(cut).map(({ iterations, vectors }): Nest => {
    const loops: GridLoop[] = [
      ...nest.loops.filter((l) => l !== columns),
      ...(iterations === 1 ? [] : [{ name: "column", extent: iterations }]),
      lane(width),
    ];
    const stores = vectors.flatMap((vector) =>
      nest.stores.map(({ buffer, index, value }) => ({
        buffer,
        index: substitute(index, vector),
        value: substitute(value, vector),
      })),
    );
    return { ...nest, loops, stores };
  });
}

/** Whether a store copies what it loads, or one of two such things. */
function readsNeighbours({ value }: StoreTarget): boolean {
  const isNeighbour = (e: Expr): boolean => {
    const form = toAffine(e.kind === "load" ? e.index : e);
    return e.kind === "load" && coefficientOf(form, "column") === 1 && !occursInside(form, "column");
  };
  if (value.kind === "load") return isNeighbour(value);
  return value.kind === "select" && isNeighbour(value.a) && value.b.kind === "const";
}
