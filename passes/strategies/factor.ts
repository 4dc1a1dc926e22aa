/** One factor of a contraction and what a search asks about it again and again. */

import { coefficientOf, occursInside, toAffine } from "../../src/loop/affine.ts";
import type { Expr } from "../../src/loop/types.ts";
import { type Coordinate, coordinatesOf, type Extents } from "./coordinates.ts";
import { isPackable } from "./panel.ts";

export class Factor {
  readonly expr: Expr;
  readonly isPackable: boolean;
  private readonly extents: Extents;
  private readonly known = new Map<string | undefined, readonly Coordinate[]>();

  constructor(expr: Expr, extents: Extents) {
    this.expr = expr;
    this.extents = extents;
    this.isPackable = isPackable(expr, extents);
  }

  /** Its coordinates, with the loop `alone` kept apart from all others. */
  coordinates(alone?: string): readonly Coordinate[] {
    let found = this.known.get(alone);
    if (found === undefined) {
      found = coordinatesOf(this.expr, this.extents, new Set(alone === undefined ? [] : [alone]));
      this.known.set(alone, found);
    }
    return found;
  }

  /** Whether neighbours along `loop` are neighbours in memory. */
  isVectorAlong(loop: string): boolean {
    if (this.expr.kind !== "load") return false;
    const index = toAffine(this.expr.index);
    return coefficientOf(index, loop) === 1 && !occursInside(index, loop);
  }
}
