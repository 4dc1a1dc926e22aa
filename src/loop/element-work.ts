/**
 * Counts the operations of pure expressions for all iterations
 * of their loops, before it is decided where they are computed.
 */

import { isFloat } from "../core/dtype.ts";
import { Interner } from "./intern.ts";
import type { Expr, Stmt } from "./types.ts";
import { axesKey, children, freeNames, substitute } from "./walk.ts";

/** The extents of loops by the names of their variables. */
type Extents = ReadonlyMap<string, number>;

/** The dense arithmetic of a lowered kernel: nests of loops around stores, and sections of them. */
export function denseFlops(body: readonly Stmt[]): number {
  return body.reduce((sum, s) => sum + (s.kind === "section" ? denseFlops(s.body) : flopsOfNest(s)), 0);
}

function flopsOfNest(nest: Stmt): number {
  const work = new ElementWork();
  const count = (s: Stmt, extents: Extents, lets: Map<string, Expr>): number => {
    switch (s.kind) {
      case "for": {
        const extent = typeof s.extent === "number" ? s.extent : s.extent.most;
        if (extent === 0) return 0;
        const inside = new Map(extents).set(s.name, extent);
        const named = new Map<string, Expr>();
        return s.body.reduce((sum, inner) => sum + count(inner, inside, named), 0);
      }
      case "let":
        lets.set(s.name, substitute(s.value, lets));
        return 0;
      case "store":
        return work.of(substitute(s.value, lets), extents);
      default:
        return 0;
    }
  };
  return count(nest, new Map(), new Map());
}

/**
 * Counts the operations of expressions for all elements of their loops, a multiply-add as two: each part once for every
 * combination of values of the variables that it depends on, since loop
 * invariants are computed before the loop; and common parts once.
 */
export class ElementWork {
  private readonly interner = new Interner();
  private readonly counted = new Set<string>();
  private readonly ids = new Map<Expr, number>();

  of(e: Expr, extents: Extents): number {
    return this.part(this.interner.intern(e), extents);
  }

  private part(e: Expr, extents: Extents): number {
    const free = [...freeNames(e)];
    const id = this.ids.get(e) ?? this.ids.size;
    this.ids.set(e, id);
    const key = [id, ...free.map((name) => extents.get(name))].join(" ");
    if (e.kind === "load" || this.counted.has(key)) return 0;
    this.counted.add(key);
    const times = free.reduce((product, name) => product * (extents.get(name) ?? 1), 1);
    if (e.kind === "reduce") {
      const inner = new Map([...extents, ...e.axes.map(({ name, extent }) => [name, extent] as const)]);
      const terms = e.axes.reduce((product, { extent }) => product * extent, 1);
      const below = this.part(e.body, inner);
      // A maximum and its position over one body are found in one loop.
      const loop = `loop ${this.ids.get(e.body)} ${free.join()} ${axesKey(e.axes)}`;
      if (!isFloat(e.body.dtype) || this.counted.has(loop)) return below;
      this.counted.add(loop);
      return below + times * terms;
    }
    const own = isFloat(e.dtype) && (e.kind === "binary" || e.kind === "unary") ? times : 0;
    return children(e).reduce((sum, child) => sum + this.part(child, extents), own);
  }
}
