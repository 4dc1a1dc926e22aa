/**
 * Recognises contractions in lowered kernels: a sum over products of two factors, possibly inside the window
 * of a max-pool. Matmul, convolution and both of its gradients all have this form; one scheduler serves them.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { Expr, Kernel, ReduceAxis } from "../../../src/loop/types.ts";
import { axesKey, forEachChild, freeNames, rewriter, visitExpr } from "../../../src/loop/walk.ts";
import type { Extents } from "./coordinates.ts";
import { type Nest, nestsOf } from "./nest.ts";

export type Reduce = Extract<Expr, { kind: "reduce" }>;

export interface Contraction {
  readonly kernel: Kernel;
  readonly nest: Nest;
  /** The reduced product; equal copies of it may stand in several stores. */
  readonly core: Reduce;
  readonly left: Expr;
  readonly right: Expr;
  /** Axes of the pooling window around the sum, empty when there is none. */
  readonly window: readonly ReduceAxis[];
}

/** The contraction that a kernel computes, if it computes exactly one in a single nest. */
export function contractionOf(kernel: Kernel): Contraction | undefined {
  const nests = nestsOf(kernel);
  if (nests.length !== 1) return undefined;
  const [nest] = nests;
  const found: { core: Reduce; window: readonly ReduceAxis[] }[] = [];
  for (const { value } of nest.stores) findSums(value, [], found);
  const [first] = found;
  if (first === undefined || found.some(({ core }) => axesKey(core.axes) !== axesKey(first.core.axes)))
    return undefined;
  if (first.core.axes.length === 0) return undefined; // the sum of one product
  const { body } = first.core;
  if (body.kind !== "binary" || body.op !== "mul" || !isFloat(body.dtype)) return undefined;
  return { kernel, nest, core: first.core, left: body.a, right: body.b, window: first.window };
}

function findSums(
  e: Expr,
  window: readonly ReduceAxis[],
  found: { core: Reduce; window: readonly ReduceAxis[] }[],
  seen: Set<Expr> = new Set(),
): void {
  if (e.kind === "load" || seen.has(e)) return;
  seen.add(e);
  if (e.kind === "reduce" && e.op === "sum") {
    found.push({ core: e, window });
    return;
  }
  const inner = e.kind === "reduce" ? [...window, ...e.axes] : window;
  forEachChild(e, (child) => findSums(child, inner, found, seen));
}

/** Changes the sums over some axes in an expression; copies of one sum are recognised by these axes. */
export function onSums(axes: readonly ReduceAxis[], change: (sum: Reduce) => Expr): (e: Expr) => Expr {
  const wanted = axesKey(axes);
  return rewriter((e) =>
    e.kind === "reduce" && e.op === "sum" && axesKey(e.axes) === wanted ? change(e) : e,
  );
}

/** Whether `name` changes what `factor` loads. */
export const dependsOn = (factor: Expr, name: string): boolean => freeNames(factor).has(name);

/** The extents of all its loops and axes. */
export const extentsOf = ({ nest, window, core }: Contraction): Extents =>
  new Map([...nest.loops, ...window, ...core.axes].map((l) => [l.name, l.extent]));
/** Whether all sums of the contraction are copies of one, so that one accumulator serves them all. */
export function isOneSum({ core, nest }: Contraction): boolean {
  const interner = new Interner();
  const wanted = axesKey(core.axes);
  const sums = new Set<unknown>();
  for (const { value } of nest.stores) {
    visitExpr(interner.intern(value), (e) => {
      if (e.kind === "reduce" && e.op === "sum" && axesKey(e.axes) === wanted) sums.add(e);
    });
  }
  return sums.size === 1;
}
