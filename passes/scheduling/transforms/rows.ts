/** Rows in lanes: the innermost loop of a nest, where everything it loads lies side by side or is the same for all lanes. */

import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { exprKey } from "../../../src/loop/expr-key.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { Expr, Kernel } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { visitExpr } from "../../../src/loop/walk.ts";
import { dependsOn } from "../analysis/contraction.ts";
import { type Lanes, splitOf } from "../analysis/lanes.ts";
import { type Nest, nestsOf } from "../analysis/nest.ts";
import { flattened } from "./nests.ts";

/** Vectors that are reduced side by side, so that sums need not wait for themselves. */
const REDUCED_TOGETHER = 4;

/** The schedule of a kernel that only moves or finishes data: in lanes where it can be. */
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

/** The steps that cut nests so. */
export function scheduleOf({ nests, lanes }: Cut): Schedule {
  const steps = lanes.flatMap((cut, section): Step[] => {
    if (cut === undefined) return [];
    const tail = isUpdate(nests[section]) ? "peeled" : "shifted";
    return [{ kind: "vectorize", ...splitOf(cut), tail, ...(nests.length > 1 && { section }) }];
  });
  return [{ kind: "flatten" }, ...steps];
}

/** How the innermost loop is cut, or `undefined` when lanes would not run together. */
function lanesOf(nest: Nest, width: number): Lanes | undefined {
  const loop = nest.loops.at(-1);
  if (loop === undefined || loop.extent < width) return undefined;
  if (!nest.stores.every((s) => isContiguous(s.index, loop.name))) return undefined;
  if (!nest.stores.every((s) => runsInLanes(s.value, loop.name) && isOwn(nest, s.value))) return undefined;
  const reduces = nest.stores.some((s) => hasReduction(s.value, loop.name));
  const vectors = reduces ? Math.min(REDUCED_TOGETHER, Math.ceil(loop.extent / width)) : 1;
  return { loop: loop.name, extent: loop.extent, width, vectors, padded: false };
}

const isContiguous = (index: Expr, loop: string): boolean => {
  const form = toAffine(index);
  return coefficientOf(form, loop) === 1 && !occursInside(form, loop);
};

/** Whether all that depends on the lane are neighbours and arithmetic on them, and every load is unconditional. */
function runsInLanes(value: Expr, loop: string): boolean {
  let fits = true;
  visitExpr(value, (e) => {
    if (!dependsOn(e, loop)) return;
    if (e.kind === "load") fits &&= isContiguous(e.index, loop);
    else if (e.kind === "reduce") fits &&= e.op !== "argmax";
    else if (e.kind === "binary" && isIndex(e)) fits &&= e.op !== "div" && e.op !== "mod";
    else if (e.kind === "binary") fits &&= e.dtype !== "uint32";
    else if (e.kind === "select") fits &&= !isGuard(e.condition, loop) || !(hasLoad(e.a) || hasLoad(e.b));
  });
  return fits;
}

/** Whether a condition asks where the lane stands, as guards of loads do. */
function isGuard(condition: Expr, loop: string): boolean {
  let found = false;
  visitExpr(condition, (e) => {
    if (e.kind !== "compare" || !isIndex(e.a)) return;
    found ||= [e.a, e.b].some((side) => !hasLoad(side) && dependsOn(side, loop));
  });
  return found;
}

const hasLoad = (e: Expr): boolean => {
  let found = false;
  visitExpr(e, (node) => {
    found ||= node.kind === "load";
  });
  return found;
};

/** A nest may read what it writes only where it writes it. */
function isOwn(nest: Nest, value: Expr): boolean {
  let own = true;
  visitExpr(value, (e) => {
    if (e.kind !== "load") return;
    for (const s of nest.stores) if (s.buffer === e.buffer) own &&= exprKey(s.index) === exprKey(e.index);
  });
  return own;
}

function hasReduction(value: Expr, loop: string): boolean {
  let found = false;
  visitExpr(value, (e) => {
    found ||= e.kind === "reduce" && dependsOn(e, loop);
  });
  return found;
}

/** Whether elements must not be computed twice, because they change what they are computed from. */
const isUpdate = ({ stores }: Nest): boolean =>
  stores.some((s) => stores.some(({ value }) => loadsFrom(value, s.buffer)));

function loadsFrom(e: Expr, buffer: string): boolean {
  let found = false;
  visitExpr(e, (node) => {
    found ||= node.kind === "load" && node.buffer === buffer;
  });
  return found;
}
