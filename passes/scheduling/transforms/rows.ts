/** Rows in lanes: the innermost loop of a nest, if everything it loads is contiguous or the same for all lanes. */

import { exprKey } from "../../../src/loop/expr-key.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { Expr, Kernel } from "../../../src/loop/types.ts";
import { someExpr } from "../../../src/loop/walk.ts";
import { dependsOn } from "../analysis/contraction.ts";
import { type Lanes, splitOf } from "../analysis/lanes.ts";
import { isContiguous, type Nest, nestsOf } from "../analysis/nest.ts";
import { runsInLanes } from "../analysis/values-in-lanes.ts";
import { flattened } from "./nests.ts";

/** Vectors that are reduced at the same time, so that sums do not wait for their own latency. */
const REDUCED_TOGETHER = 4;

/** The schedule of a kernel that only moves or finishes data: in lanes if possible. */
export function rowSchedule(kernel: Kernel, width: number): Schedule {
  const lanes = width === 1 ? undefined : cutOf(nestsOf(kernel), width);
  return lanes === undefined ? [] : scheduleOf(lanes);
}

/** Nests with flat loops, and how the innermost loop of each is cut, if it is. */
export interface Cut {
  readonly nests: readonly Nest[];
  readonly lanes: readonly (Lanes | undefined)[];
}

/** How the nests of a kernel are cut into lanes, if any of them is. */
export function cutOf(lowered: readonly Nest[], width: number): Cut | undefined {
  const nests = lowered.map(flattened);
  const lanes = nests.map((nest) => lanesOf(nest, width));
  return lanes.every((cut) => cut === undefined) ? undefined : { nests, lanes };
}

/** The steps that cut nests in this way. */
export function scheduleOf({ nests, lanes }: Cut): Schedule {
  const steps = lanes.flatMap((cut, section): Step[] => {
    if (cut === undefined) return [];
    const tail = isUpdate(nests[section]) ? "peeled" : "shifted";
    return [{ kind: "vectorize", ...splitOf(cut), tail, ...(nests.length > 1 && { section }) }];
  });
  return [{ kind: "flatten" }, ...steps];
}

/** How the innermost loop is cut, or `undefined` if lanes would not run together. */
export function lanesOf(nest: Nest, width: number): Lanes | undefined {
  const loop = nest.loops.at(-1);
  if (loop === undefined || loop.extent < width) return undefined;
  if (!nest.stores.every((s) => isContiguous(s.index, loop.name))) return undefined;
  if (!nest.stores.every((s) => runsInLanes(s.value, loop.name) && isOwn(nest, s.value))) return undefined;
  const reduces = nest.stores.some(({ value }) =>
    someExpr(value, (e) => e.kind === "reduce" && dependsOn(e, loop.name)),
  );
  const vectors = reduces ? Math.min(REDUCED_TOGETHER, Math.ceil(loop.extent / width)) : 1;
  return { loop: loop.name, extent: loop.extent, width, vectors, padded: false };
}

/** A nest may read what it writes only where it writes it. */
const isOwn = ({ stores }: Nest, value: Expr): boolean =>
  !someExpr(
    value,
    (e) =>
      e.kind === "load" && stores.some((s) => s.buffer === e.buffer && exprKey(s.index) !== exprKey(e.index)),
  );

/** Whether elements must not be computed twice, because they change what they are computed from. */
export const isUpdate = ({ stores }: Nest): boolean => {
  const stored = new Set(stores.map(({ buffer }) => buffer));
  return stores.some(({ value }) => someExpr(value, (e) => e.kind === "load" && stored.has(e.buffer)));
};
