/** One factor of a contraction, with cached answers to questions that a search asks repeatedly. */

import type { Machine } from "../../../src/loop/machine.ts";
import type { Expr } from "../../../src/loop/types.ts";
import {
  type Coordinate,
  coordinatesOf,
  type Extents,
  type Moves,
  movesOf,
} from "../analysis/coordinates.ts";
import { reachesBeyond } from "../analysis/lanes.ts";
import { isContiguous } from "../analysis/nest.ts";
import { isPackable, type PanelPlan, panelLength } from "../transforms/panel.ts";
import { elementCost } from "./cost.ts";

export class Factor {
  readonly expr: Expr;
  readonly isPackable: boolean;
  private readonly extents: Extents;
  private readonly moves: Moves;
  private readonly known = new Map<string | undefined, readonly Coordinate[]>();
  private readonly copyCosts = new Map<string | undefined, number>();

  constructor(expr: Expr, extents: Extents) {
    this.expr = expr;
    this.extents = extents;
    this.moves = movesOf(expr, extents);
    this.isPackable = isPackable(expr, extents);
  }

  /** Its coordinates, with the loop `alone` kept apart from all others. */
  coordinates(alone?: string): readonly Coordinate[] {
    let found = this.known.get(alone);
    if (found === undefined) {
      const apart = new Set(alone === undefined ? [] : [alone]);
      found = coordinatesOf(this.expr, this.extents, apart, this.moves);
      this.known.set(alone, found);
    }
    return found;
  }

  /** The number of its different elements. */
  get size(): number {
    return this.coordinates().reduce((n, { extent }) => n * extent, 1);
  }

  /** The cost of copying it into the panel of `plan`. */
  packingCost(plan: PanelPlan, machine: Machine): number {
    const kind = plan.lanes && `${plan.lanes.loop}${reachesBeyond(plan.lanes) ? " and beyond" : ""}`;
    let cost = this.copyCosts.get(kind);
    if (cost === undefined) {
      cost = elementCost(plan, machine);
      this.copyCosts.set(kind, cost);
    }
    return cost * panelLength(plan);
  }

  /** Whether neighbours along `loop` are neighbours in memory. */
  isVectorAlong(loop: string): boolean {
    return this.expr.kind === "load" && isContiguous(this.expr.index, loop);
  }
}
