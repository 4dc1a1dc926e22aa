/** Writes out pooling windows tap by tap, and folds what unrolling makes constant. */

import { binary, compare, constant, float, int, replaces, select } from "../../../src/loop/build.ts";
import type { Expr, ReduceAxis } from "../../../src/loop/types.ts";
import { rewriter, substitute, visitExpr } from "../../../src/loop/walk.ts";
import { mapValues, type Nest } from "../analysis/nest.ts";

/** The axes of all maxima and their positions in a nest. */
export function windowAxesOf({ stores }: Nest): ReduceAxis[] {
  const axes = new Map<string, ReduceAxis>();
  for (const { value } of stores) {
    visitExpr(value, (e) => {
      if (e.kind === "reduce" && e.op !== "sum") for (const axis of e.axes) axes.set(axis.name, axis);
    });
  }
  return [...axes.values()];
}

/**
 * The `window` around a contraction written out: the maximum and its
 * position as comparisons; as in a loop, the first maximum and NaN win.
 */
export function unrollWindows(nest: Nest, window: readonly ReduceAxis[]): Nest {
  const names = new Set(window.map((axis) => axis.name));
  const rewrite: (e: Expr) => Expr = rewriter((e) => {
    if (e.kind !== "reduce" || e.op === "sum" || !e.axes.every((axis) => names.has(axis.name))) return e;
    const count = e.axes.reduce((n, axis) => n * axis.extent, 1);
    const inner = belowRelu(e.body);
    if (inner !== undefined) {
      const max = rewrite({ ...e, op: "max", dtype: "float32", body: inner });
      if (e.op === "max") return binary("max", max, float(0));
      return select(compare("le", max, float(0)), int(0), rewrite({ ...e, body: inner }));
    }
    let best = tapAt(e, 0);
    let winner: Expr = int(0);
    for (let k = 1; k < count; k++) {
      const candidate = tapAt(e, k);
      const wins = replaces(e.op, candidate, best);
      best = select(wins, candidate, best);
      winner = select(wins, int(k), winner);
    }
    return e.op === "max" ? best : winner;
  });
  return mapValues(nest, rewrite);
}

/**
 * The argument of relu, if a window's body ends in it. The maximum of relu is relu of the maximum, and
 * if that is 0 all taps tie and the first one wins: one comparison with 0 serves the whole window.
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
 * Folds what unrolling made constant, since a load behind a guard that never holds must not stay in the code, and
 * nothing else: full simplification would split quotients that the remaining guards bound as a whole.
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
