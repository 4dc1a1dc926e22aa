/**
 * Pools and their gradients in lanes. Windows are written out tap by tap; if an element
 * depends on the window that it is in, the elements of a window are written out too, so
 * that the position of each within it is constant and windows run in lanes.
 */

import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Schedule, Step } from "../../../src/loop/schedule.ts";
import type { Expr, Kernel } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { someExpr, visitExpr } from "../../../src/loop/walk.ts";
import { contractionOf, dependsOn } from "../analysis/contraction.ts";
import { type Nest, nestsOf } from "../analysis/nest.ts";
import { nestsAfter } from "../transforms/nests.ts";
import { windowAxesOf } from "../transforms/window.ts";
import { nestCost } from "./cost.ts";
import type { Strategy } from "./strategy.ts";

const NAME = "windows";

/** The most taps that are written out, and the most elements of a window along one axis. */
const MOST_TAPS = 16;
const MOST_BESIDE = 4;

export const windows: Strategy = {
  name: NAME,
  doc: "Writes out pooling windows and the elements inside one, and runs windows in lanes.",
  candidates(kernel, machine) {
    const { vectorWidth: lanes } = machine;
    const [nest, ...others] = nestsOf(kernel);
    if (lanes === 1 || others.length > 0 || contractionOf(kernel) !== undefined) return [];
    const unrolled = stepsFor(nest);
    const inner = nest.loops.at(-1)?.name;
    if (unrolled === undefined || inner === undefined) return [];
    const [written, ...rest] = nestsAfter(kernel, unrolled);
    const last = written.loops.at(-1);
    if (
      rest.length > 0 ||
      last?.name !== inner ||
      last.extent < lanes ||
      !runsInLanes(kernel, written, inner)
    )
      return [];
    const vectorize: Step = { kind: "vectorize", loop: inner, vectors: 1, lanes, tail: "shifted" };
    return [
      {
        strategy: NAME,
        schedule: [...unrolled, vectorize],
        cost: nestCost(machine, nest) * shareInLanes(written, inner, machine),
      },
    ];
  },
};

/** How windows are written out; `undefined` if there are none, or no small ones that fill the loops. */
function stepsFor(nest: Nest): Schedule | undefined {
  const steps: Step[] = [];
  const axes = windowAxesOf(nest);
  const taps = axes.reduce((n, { extent }) => n * extent, 1);
  if (taps > MOST_TAPS || nest.stores.some(({ value }) => someExpr(value, isSum))) return undefined;
  if (axes.length > 0) steps.push({ kind: "unroll-window" });
  for (const { name, extent } of nest.loops) {
    const sizes = new Set(nest.stores.flatMap(({ value }) => windowSizes(value, name)));
    if (sizes.size === 0) continue;
    const [by, ...others] = sizes;
    if (others.length > 0 || by > MOST_BESIDE || extent % by !== 0) return undefined;
    steps.push({ kind: "unroll", loop: name, by });
  }
  return steps.length > 0 ? steps : undefined;
}

const isSum = (e: Expr): boolean => e.kind === "reduce" && e.op === "sum";

/** The divisors of a loop's positions. */
function windowSizes(value: Expr, loop: string): number[] {
  const sizes: number[] = [];
  visitExpr(value, (e) => {
    const divides = e.kind === "binary" && isIndex(e) && (e.op === "div" || e.op === "mod");
    if (divides && e.b.kind === "const" && dependsOn(e.a, loop)) sizes.push(e.b.value);
  });
  return sizes;
}

/**
 * Whether lanes of `loop` load and store at constant strides
 * and select by values alone, and nothing reads what is stored.
 */
function runsInLanes({ buffers }: Kernel, { stores }: Nest, loop: string): boolean {
  if (buffers.some(({ access }) => access === "readwrite")) return false;
  const isEven = (index: Expr): boolean => !occursInside(toAffine(index), loop);
  const stays = (e: Expr): boolean => {
    if (!dependsOn(e, loop)) return true;
    switch (e.kind) {
      case "load":
        return isEven(e.index);
      case "reduce":
        return false;
      case "binary":
        return e.dtype !== "uint32" && !(isIndex(e) && (e.op === "div" || e.op === "mod"));
      case "compare":
        return !isIndex(e.a) || [e.a, e.b].every((side) => !dependsOn(side, loop) || someExpr(side, isLoad));
      default:
        return true;
    }
  };
  return stores.every(
    ({ index, value }) =>
      isEven(index) && coefficientOf(toAffine(index), loop) !== 0 && !someExpr(value, (e) => !stays(e)),
  );
}

const isLoad = (e: Expr): boolean => e.kind === "load";

/** The ratio of instructions of one iteration in lanes to those of its elements one by one. */
function shareInLanes({ stores }: Nest, loop: string, { vectorWidth: lanes }: Machine): number {
  const interner = new Interner();
  const seen = new Set<Expr>();
  let [inLanes, single] = [0, 0];
  const note = (index: Expr | undefined): void => {
    const step = index === undefined ? 1 : coefficientOf(toAffine(index), loop);
    inLanes += step === 1 ? 1 : lanes;
    single += lanes;
  };
  const count = (e: Expr): void => {
    if (!dependsOn(e, loop)) return;
    if (e.kind === "load") note(e.index);
    else if (!isIndex(e) || e.kind === "select" || e.kind === "compare") note(undefined);
  };
  for (const { index, value } of stores) {
    visitExpr(interner.intern(value), count, seen);
    note(index);
  }
  return inLanes / single;
}
