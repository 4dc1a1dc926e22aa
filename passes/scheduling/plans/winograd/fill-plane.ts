/**
 * Copies planes into a block's scratch, channels in vectors and padding as zeros, for transforms to read without a
 * guard. Max-pool's gradient is spread out on the way: every position of a window gets the gradient or zero.
 */

import { toAffine } from "../../../../src/loop/affine.ts";
import { add, compare, float, int, load, mul, select, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import {
  type GridLoop,
  isContiguous,
  iterationsOf,
  type Nest,
  type StoreTarget,
  statementsOf,
} from "../../analysis/nest.ts";
import { winnerAt } from "../../analysis/sparse-factor.ts";
import { fills, interiorOf, zeros } from "../../transforms/copies.ts";
import type { Operand, PooledOperand } from "./correlation.ts";
import { imageAt, type Plan } from "./plan.ts";
import {
  channelParts,
  elementOf,
  type Place,
  type ScratchArray,
  storesUnder,
  type Workspace,
} from "./workspace.ts";

/** The planes of a block: `[image][vector of channels][row][column][lane]`. */
export interface BlockPlanes {
  readonly array: ScratchArray;
  readonly channels: number;
  /** Fills them. */
  readonly filled: readonly Stmt[];
  /** The part that is not padding. */
  readonly inside: Inside;
}

/** Rows and columns of a plane. */
export interface Inside {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

/** An operand's planes with so many rows and columns, in scratch of this name. */
export function planesOf(
  plan: Plan,
  workspace: Workspace,
  what: string,
  operand: Operand,
  channels: number,
  extents: readonly [number, number],
): BlockPlanes {
  const { lanes, over, imagesPerBlock } = plan;
  const array = workspace.array(what, [imagesPerBlock, Math.ceil(channels / lanes), ...extents, lanes]);
  const [image, row, column] = [variable("image"), variable("row"), variable("column")];
  const nests = channelParts(channels, lanes).map(({ vectors, vector, elements }): Nest => {
    const channel = elementOf(vector, lanes, variable("element"));
    const planes =
      over === "places"
        ? ([imageAt(plan, image), channel] as const)
        : ([channel, imageAt(plan, image)] as const);
    const loops: GridLoop[] = [
      { name: "image", extent: imagesPerBlock },
      { name: "vector", extent: vectors },
      { name: "element", extent: elements },
    ];
    const at = (y: Expr, x: Expr): Place => array.at(image, vector, y, x, variable("element"));
    if (operand.pooled !== undefined)
      return spreadOut(operand.pooled, loops, operand.pooled.base(...planes), at);
    const [rows, columns] = operand.extents;
    const dense: Nest = {
      name: "copy",
      loops: [...loops, { name: "row", extent: rows }, { name: "column", extent: columns }],
      stores: [{ ...at(row, column), value: operand.at(...planes, row, column) }],
    };
    // The part inside the guards, without them; everything with its guards if they follow no pattern.
    return interiorOf(dense) ?? dense;
  });
  const covered = nests.reduce((sum, { loops, stores }) => sum + stores.length * iterationsOf(loops), 0);
  const cleared = covered === array.length ? [] : zeros(array.name, array.length, lanes);
  const filled = [...cleared.flatMap(statementsOf), ...nests.flatMap((nest) => inLanes(nest, lanes))];
  return { array, channels, filled, inside: insideOf(nests[0], operand, extents, lanes) };
}

/** Where a nest that fills planes stores. */
function insideOf(
  { loops, stores: [first] }: Nest,
  { extents, pooled }: Operand,
  [height, width]: readonly [number, number],
  lanes: number,
): Inside {
  const start = (toAffine(first.index).constant / lanes) % (height * width);
  const [top, left] = [Math.floor(start / width), start % width];
  const [rows, columns] = loops.slice(-2).map(({ extent }, k) => extent * (pooled?.sparse.window[k] ?? 1));
  return {
    top,
    left,
    rows: Math.min(rows, extents[0] - top),
    columns: Math.min(columns, extents[1] - left),
  };
}

/** All positions of all windows, window by window. */
function spreadOut(
  { sparse, start }: PooledOperand,
  outer: readonly GridLoop[],
  base: Expr,
  at: (row: Expr, column: Expr) => Place,
): Nest {
  const [height, width] = sparse.window;
  const [rows, columns] = sparse.plane;
  const [row, column] = [variable("row"), variable("column")];
  const index = add(base, add(mul(row, int(columns)), column));
  const gradient = load(sparse.gradient, "float32", index);
  const winner = winnerAt(sparse, index);
  const stores = Array.from({ length: height * width }, (_, tap) => {
    const y = add(mul(row, int(height)), int(start[0] + Math.floor(tap / width)));
    const x = add(mul(column, int(width)), int(start[1] + (tap % width)));
    return { ...at(y, x), value: select(compare("eq", winner, int(tap)), gradient, float(0)) };
  });
  const loops = [...outer, { name: "row", extent: rows }, { name: "column", extent: columns }];
  return { name: "spread", loops, stores };
}

/** The nest with its columns in lanes, if their elements are adjacent in the source and fill vectors. */
function inLanes({ loops, stores }: Nest, lanes: number): Stmt[] {
  const extent = loops.find(({ name }) => name === "column")?.extent ?? 1;
  return fills(extent, lanes) && stores.every(readsNeighbours)
    ? storesUnder(loops, stores, { kind: "vectorize", loop: "column", vectors: 1, lanes, tail: "shifted" })
    : storesUnder(loops, stores);
}

/** Whether a store copies a load, or selects one of two. */
function readsNeighbours({ value }: StoreTarget): boolean {
  const isNeighbour = (e: Expr): boolean => e.kind === "load" && isContiguous(e.index, "column");
  if (value.kind === "load") return isNeighbour(value);
  return value.kind === "select" && isNeighbour(value.a) && value.b.kind === "const";
}
