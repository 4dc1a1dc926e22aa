/** Unrolling on expressions: grid loops in steps of a tile, and pooling windows tap by tap. */

import {
  add,
  binary,
  compare,
  constant,
  float,
  int,
  mul,
  select,
  unary,
  variable,
} from "../../../src/loop/build.ts";
import type { Expr, ReduceAxis } from "../../../src/loop/types.ts";
import { rewriter, substitute } from "../../../src/loop/walk.ts";
import { mapStores, mapValues, type Nest } from "../analysis/nest.ts";

export interface Tile {
  /** The grid loop that is cut. */
  readonly loop: string;
  readonly size: number;
}

/**
 * The nest in tiles: for each tiled loop one part over whole tiles and, where the size does not divide the
 * extent, one for what remains. Stores of a tile stand side by side.
 */
export function unrollTiles(nest: Nest, tiles: readonly Tile[]): Nest[] {
  const [tile, ...rest] = tiles;
  if (tile === undefined) return [nest];
  const extent = nest.loops.find((loop) => loop.name === tile.loop)?.extent ?? 1;
  const whole = Math.floor(extent / tile.size);
  const remainder = extent % tile.size;
  const parts: Nest[] = [];
  if (whole > 0) parts.push(unrollLoop(nest, tile.loop, whole, tile.size, 0));
  if (remainder > 0) parts.push(unrollLoop(nest, tile.loop, 1, remainder, whole * tile.size));
  return parts.flatMap((part) => unrollTiles(part, rest));
}

function unrollLoop(nest: Nest, name: string, iterations: number, size: number, start: number): Nest {
  const base = iterations === 1 ? int(start) : add(mul(variable(name), int(size)), int(start));
  const stores = Array.from({ length: size }, (_, k) => {
    const replacement = new Map([[name, add(base, int(k))]]);
    return mapStores(nest, (e) => substitute(e, replacement)).stores;
  }).flat();
  const loops = nest.loops.flatMap((loop) => {
    if (loop.name !== name) return [loop];
    return iterations === 1 ? [] : [{ name, extent: iterations }];
  });
  return { ...nest, loops, stores };
}

/** The `window` around a contraction: maximum and position of the maximum written out as comparisons, first maximum and NaN as in a loop. */
export function unrollWindows(nest: Nest, window: readonly ReduceAxis[]): Nest {
  const names = new Set(window.map((axis) => axis.name));
  const rewrite: (e: Expr) => Expr = rewriter((e) => {
    if (e.kind !== "reduce" || e.op === "sum" || !e.axes.every((axis) => names.has(axis.name))) return e;
    const count = e.axes.reduce((n, axis) => n * axis.extent, 1);
    const inner = belowRelu(e.body);
    if (inner !== undefined) {
      const [max, position] = (["max", "argmax"] as const).map((op) =>
        rewrite({ ...e, op, dtype: op === "max" ? "float32" : "int32", body: inner }),
      );
      return e.op === "max"
        ? binary("max", max, float(0))
        : select(compare("le", max, float(0)), int(0), position);
    }
    let best = tapAt(e, 0);
    let winner: Expr = int(0);
    for (let k = 1; k < count; k++) {
      const candidate = tapAt(e, k);
      const wins = binary("or", compare("gt", candidate, best), unary("isnan", candidate));
      best = select(wins, candidate, best);
      winner = select(wins, int(k), winner);
    }
    return e.op === "max" ? best : winner;
  });
  return mapValues(nest, rewrite);
}

/**
 * What relu is applied to, when a window's body ends in it. The maximum of relu is relu of the maximum, and
 * where that is 0 all taps tie and the first one wins: one comparison with 0 serves the whole window.
 */
function belowRelu(body: Expr): Expr | undefined {
  const isRelu = body.kind === "binary" && body.op === "max" && body.b.kind === "const" && body.b.value === 0;
  return isRelu ? body.a : undefined;
}

function tapAt(e: Extract<Expr, { kind: "reduce" }>, position: number): Expr {
  const values = new Map<string, Expr>();
  let rest = position;
  for (const { name, extent } of [...e.axes].reverse()) {
    values.set(name, constant(rest % extent, "int32"));
    rest = Math.floor(rest / extent);
  }
  return substitute(e.body, values);
}

/**
 * The nest with what unrolling made constant folded, for a load behind a guard that never holds must not stay in the code, and nothing else: full simplification would take quotients apart that the
 * remaining guards bound as a whole.
 */
export function foldGuards(nest: Nest): Nest {
  const fold = rewriter((e) => {
    switch (e.kind) {
      case "compare":
        return compare(e.op, e.a, e.b);
      case "select":
        return select(e.condition, e.a, e.b);
      case "binary":
        return binary(e.op, e.a, e.b);
      default:
        return e;
    }
  });
  return mapValues(nest, fold);
}
