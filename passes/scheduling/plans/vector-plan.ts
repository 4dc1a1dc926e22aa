/** The plan of a vector tile: everything that was decided, before anything is built. */

import { Interner } from "../../../src/loop/intern.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { ReduceAxis } from "../../../src/loop/types.ts";
import { axesKey, visitExpr } from "../../../src/loop/walk.ts";
import type { Contraction } from "../analysis/contraction.ts";
import { type Lanes, splitOf } from "../analysis/lanes.ts";
import { cacheStep, type PanelPlan } from "../transforms/panel.ts";

export interface TilePlan {
  readonly contraction: Contraction;
  /** With padding, sums go to scratch and an epilogue finishes them. */
  readonly lanes: Lanes;
  /** The loop whose neighbouring iterations share a tile. */
  readonly row?: { readonly loop: string; readonly size: number };
  /** How the left and the right factor are packed; `undefined` where one is read in place. */
  readonly packs: readonly (PanelPlan | undefined)[];
  /** The order in which the sum's axes run. */
  readonly axes: readonly ReduceAxis[];
  /** The reduction axis that runs outside of the tiles: partial sums wait in scratch from iteration to iteration. */
  readonly split?: string;
  /** Grid loops and the split axis, outermost first. */
  readonly order: readonly string[];
}

/** What the plan does, step by step. */
export function scheduleOf({ contraction, lanes, row, packs, axes, split, order }: TilePlan): Schedule {
  const inside = axes.map(({ name }) => name).filter((name) => name !== split);
  const steps: readonly (Step | undefined)[] = [
    ...packs.map((pack, k) => pack && cacheStep(pack, k === 0 ? "left" : "right")),
    lanes.padded
      ? {
          kind: "accumulate",
          loop: lanes.loop,
          lanes: lanes.width,
          ...(split !== undefined && { over: split }),
        }
      : undefined,
    inside.length > 1 ? { kind: "reorder-sum", loops: inside } : undefined,
    { kind: "fuse-sum" },
    contraction.window.length > 0 ? { kind: "unroll-window" } : undefined,
    { kind: "vectorize", ...splitOf(lanes) },
    order.length > 1 ? { kind: "reorder", loops: order } : undefined,
    row && { kind: "unroll", loop: row.loop, by: row.size },
  ];
  return steps.filter((step) => step !== undefined);
}

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
