/** A lowered kernel taken apart: its nests of grid loops with the stores inside. */

import { invariant } from "../../../src/core/errors.ts";
import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { add, int, local, mul, variable } from "../../../src/loop/build.ts";
import type { Expr, Kernel, LoopKind, Stmt } from "../../../src/loop/types.ts";
import { rewriter, someExpr, substitute } from "../../../src/loop/walk.ts";

export interface GridLoop {
  readonly name: string;
  readonly extent: number;
  /** Defaults to `grid`. */
  readonly loop?: LoopKind;
}

export interface StoreTarget {
  readonly buffer: string;
  readonly index: Expr;
  readonly value: Expr;
}

/** Loops whose iterations are independent, and what is stored inside of them, all at once. */
export interface Nest {
  readonly name: string;
  readonly loops: readonly GridLoop[];
  readonly stores: readonly StoreTarget[];
}

/** The nest as statements; values are named before the first store if a store might change what a later value loads. */
export function statementsOf({ loops, stores }: Pick<Nest, "loops" | "stores">): Stmt[] {
  const lets: Stmt[] = [];
  const names = new Map<Expr, Expr>();
  const clash = mayClash(
    stores,
    stores.map(({ value }) => value),
  );
  const innermost = stores.map((store): Stmt => {
    const value = names.size === 0 ? store.value : rewriter((e) => names.get(e) ?? e)(store.value);
    if (!clash || value.kind === "const" || value.kind === "local") return { kind: "store", ...store, value };
    const name = `v${lets.length}`;
    lets.push({ kind: "let", name, value });
    names.set(store.value, local(name, value.dtype));
    return { kind: "store", ...store, value: local(name, value.dtype) };
  });
  return nestLoops(loops, [...lets, ...innermost]);
}

/** `body` inside of loops, outermost first; loops without a kind get `kind`. */
export const nestLoops = (
  loops: readonly GridLoop[],
  body: readonly Stmt[],
  kind: LoopKind = "grid",
): Stmt[] =>
  loops.reduceRight<Stmt[]>(
    (inner, { name, extent, loop = kind }) => [{ kind: "for", name, extent, loop, body: inner }],
    [...body],
  );

/** The nest with all expressions of its stores mapped by `f`: indices and values, or values alone. */
export const mapStores = <N extends Pick<Nest, "stores">>(nest: N, f: (e: Expr) => Expr): N => ({
  ...nest,
  stores: nest.stores.map(({ buffer, index, value }) => ({ buffer, index: f(index), value: f(value) })),
});
export const mapValues = (nest: Nest, f: (e: Expr) => Expr): Nest => ({
  ...nest,
  stores: nest.stores.map((s) => ({ ...s, value: f(s.value) })),
});

/** Whether neighbours along `loop` are neighbours in memory. */
export function isContiguous(index: Expr, loop: string): boolean {
  const form = toAffine(index);
  return coefficientOf(form, loop) === 1 && !occursInside(form, loop);
}

/** How often the innermost loop runs. */
export const iterationsOf = (loops: readonly Pick<GridLoop, "extent">[]): number =>
  loops.reduce((n, { extent }) => n * extent, 1);

/** The index of an iteration of loops, in the order they run. */
export const numberOf = (loops: readonly GridLoop[]): Expr =>
  loops.reduce<Expr>((n, { name, extent }) => add(mul(n, int(extent)), variable(name)), int(0));

/** Whether one of several stores might change what the value of another loads. */
export function mayClash(stores: readonly StoreTarget[], values: readonly Expr[]): boolean {
  if (stores.length < 2) return false;
  const targets = new Set(stores.map(({ buffer }) => buffer));
  return values.some((value) => someExpr(value, (e) => e.kind === "load" && targets.has(e.buffer)));
}

/** Cached: every strategy analyses the same kernels and looks up facts about their expressions by identity. */
const known = new WeakMap<Kernel, readonly Nest[]>();

/** The nests of a kernel as `lower` makes them: sections of perfectly nested loops around stores. */
export function nestsOf(kernel: Kernel): readonly Nest[] {
  let nests = known.get(kernel);
  if (nests === undefined) {
    nests = nestsIn(kernel);
    known.set(kernel, nests);
  }
  return nests;
}

function nestsIn(kernel: Kernel): Nest[] {
  const [first] = kernel.body;
  if (first?.kind === "section") {
    return kernel.body.map((s) => {
      invariant(s.kind === "section", "a kernel of sections");
      return nestOf(s.name, s.body);
    });
  }
  return [nestOf(kernel.name, kernel.body)];
}

function nestOf(name: string, body: readonly Stmt[]): Nest {
  const loops: GridLoop[] = [];
  let inner = body;
  while (inner.length === 1 && inner[0].kind === "for") {
    const [loop] = inner;
    invariant(typeof loop.extent === "number", "a grid loop has a literal extent");
    loops.push({ name: loop.name, extent: loop.extent });
    inner = loop.body;
  }
  return { name, loops, stores: storesIn(inner) };
}

/** What a nest stores, with the names that its body gives to values replaced. */
export function storesIn(body: readonly Stmt[]): StoreTarget[] {
  const lets = new Map<string, Expr>();
  return body.flatMap((s): StoreTarget[] => {
    if (s.kind === "let") {
      lets.set(s.name, substitute(s.value, lets));
      return [];
    }
    invariant(s.kind === "store", "a lowered nest holds stores alone");
    return [{ buffer: s.buffer, index: s.index, value: substitute(s.value, lets) }];
  });
}
