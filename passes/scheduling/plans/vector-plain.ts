/**
 * Vectors without tiles: the innermost loop of a nest in lanes, where everything it loads lies side by side or is
 * the same for all lanes. Elementwise kernels, updates and sums over rows have this form.
 */

import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { add, int, variable } from "../../../src/loop/build.ts";
import { exprKey } from "../../../src/loop/expr-key.ts";
import { joinDigitsInLoads, linearizeIndex } from "../../../src/loop/linearize-index.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { substitute, visitExpr } from "../../../src/loop/walk.ts";
import { dependsOn } from "../analysis/contraction.ts";
import { LANE, type Lanes, lanePartsOf, splitOf } from "../analysis/lanes.ts";
import { type GridLoop, type Nest, nestsOf, statementsOf } from "../analysis/nest.ts";
import { joinLoops } from "../transforms/join-loops.ts";
import { schedulePlain } from "./plain.ts";
import { nestCost } from "./plain-cost.ts";
import type { Candidate, Strategy } from "./strategy.ts";

/** Vectors that are reduced side by side, so that sums need not wait for themselves. */
const REDUCED_TOGETHER = 4;

export const vectorPlain: Strategy = {
  name: "vector-plain",
  doc: "Runs the innermost loop in lanes where all it touches lies side by side.",
  candidates(kernel, capabilities) {
    if (capabilities.vectorWidth === 1) return [];
    const nests = nestsOf(kernel).map(joined);
    const cuts = nests.map((nest) => lanesOf(nest, capabilities.vectorWidth));
    if (cuts.every((lanes) => lanes === undefined)) return [];
    return [candidate(kernel, nests, cuts)];
  },
};

/** A kernel that only moves or finishes data, in lanes where it can be. */
export function scheduleLanes(kernel: Kernel, width: number): Kernel {
  const nests = nestsOf(kernel).map(joined);
  const cuts = nests.map((nest) => lanesOf(nest, width));
  return cuts.every((lanes) => lanes === undefined) ? schedulePlain(kernel) : build(kernel, nests, cuts);
}

function candidate(kernel: Kernel, nests: readonly Nest[], cuts: readonly (Lanes | undefined)[]): Candidate {
  const cost = nests.reduce((sum, nest, k) => sum + nestCost(nest, cuts[k]), 0);
  return {
    strategy: "vector-plain",
    schedule: scheduleOf(nests, cuts),
    cost,
    apply: () => ({ kernels: [build(kernel, nests, cuts)], scratch: [] }),
  };
}

/** The nest with flat indices that were taken apart put together, and loops that step together made one. */
function joined(nest: Nest): Nest {
  const extents = new Map(nest.loops.map((l) => [l.name, l.extent]));
  const rewrite = joinDigitsInLoads(extents);
  const stores = nest.stores.map((s) => ({
    ...s,
    index: linearizeIndex(s.index, extents),
    value: rewrite(s.value),
  }));
  return joinLoops({ ...nest, stores });
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

function build(kernel: Kernel, nests: readonly Nest[], cuts: readonly (Lanes | undefined)[]): Kernel {
  const parts = nests.flatMap((nest, k) => partsOf(nest, cuts[k]));
  const body = parts.map((nest): readonly Stmt[] => {
    const statements = statementsOf(nest);
    return parts.length === 1 ? statements : [{ kind: "section", name: nest.name, body: statements }];
  });
  return { ...kernel, body: body.flat(), schedule: scheduleOf(nests, cuts) };
}

function scheduleOf(nests: readonly Nest[], cuts: readonly (Lanes | undefined)[]): Schedule {
  const steps = cuts.flatMap((lanes, section): Step[] => {
    if (lanes === undefined) return [];
    const tail = isUpdate(nests[section]) ? "peeled" : "shifted";
    return [{ kind: "vectorize", ...splitOf(lanes), tail, ...(nests.length > 1 && { section }) }];
  });
  return [{ kind: "flatten" }, ...steps];
}

/** Whether elements must not be computed twice, because they change what they are computed from. */
const isUpdate = ({ stores }: Nest): boolean =>
  stores.some((s) => stores.some(({ value }) => loadsFrom(value, s.buffer)));

/** Whole vectors and what remains: moved back where elements may be computed twice, one by one where not. */
function partsOf(nest: Nest, lanes: Lanes | undefined): Nest[] {
  if (lanes === undefined) return [nest];
  const peels = isUpdate(nest);
  const whole = lanes.extent - (lanes.extent % lanes.width);
  const cut = peels ? { ...lanes, extent: whole } : lanes;
  const lane: GridLoop = { name: LANE, extent: lanes.width, loop: "vector" };
  const outer = nest.loops.slice(0, -1);
  const vectors = lanePartsOf(cut).map(
    (part): Nest => ({
      ...nest,
      loops: [
        ...outer,
        ...(part.iterations === 1 ? [] : [{ name: lanes.loop, extent: part.iterations }]),
        lane,
      ],
      stores: part.vectors.flatMap((vector) => replaced(nest, vector)),
    }),
  );
  const rest = lanes.extent - whole;
  if (!peels || rest === 0) return vectors;
  const shifted = new Map([[lanes.loop, add(variable(lanes.loop), int(whole))]]);
  const last = { name: lanes.loop, extent: rest };
  return [...vectors, { ...nest, loops: [...outer, last], stores: replaced(nest, shifted) }];
}

const replaced = (nest: Nest, values: ReadonlyMap<string, Expr>) =>
  nest.stores.map(({ buffer, index, value }) => ({
    buffer,
    index: substitute(index, values),
    value: substitute(value, values),
  }));

function loadsFrom(e: Expr, buffer: string): boolean {
  let found = false;
  visitExpr(e, (node) => {
    found ||= node.kind === "load" && node.buffer === buffer;
  });
  return found;
}
