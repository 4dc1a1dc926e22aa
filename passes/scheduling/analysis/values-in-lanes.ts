/**
 * Decides which expressions the lanes of a vector can compute together: neighbours, and what is the same for all lanes.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { givesPosition } from "../../../src/loop/semantics.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { someExpr } from "../../../src/loop/walk.ts";
import { dependsOn } from "./contraction.ts";
import { isContiguous } from "./nest.ts";

/**
 * Whether everything that depends on the lane is neighbours and arithmetic on them, and every load is unconditional.
 */
export const runsInLanes = (value: Expr, loop: string): boolean =>
  !someExpr(value, (e) => {
    if (!dependsOn(e, loop)) return false;
    if (e.kind === "load") return !isContiguous(e.index, loop);
    if (e.kind === "reduce") return givesPosition(e.op);
    if (e.kind === "binary" && isIndex(e)) return e.op === "div" || e.op === "mod";
    if (e.kind === "binary") return e.dtype === "uint32";
    return e.kind === "select" && isGuard(e.condition, loop) && (hasLoad(e.a) || hasLoad(e.b));
  });

/** Whether a condition asks where the lane stands, as guards of loads do. */
export const isGuard = (condition: Expr, loop: string): boolean =>
  someExpr(
    condition,
    (e) =>
      e.kind === "compare" &&
      isIndex(e.a) &&
      [e.a, e.b].some((side) => !hasLoad(side) && dependsOn(side, loop)),
  );

const hasLoad = (e: Expr): boolean => someExpr(e, ({ kind }) => kind === "load");

/**
 * Whether an expression consists of loads and arithmetic only, along a loop on which some of its loads are neighbours.
 */
export const isComputedInLanes = (value: Expr, loop: string): boolean =>
  isFloat(value.dtype) &&
  runsInLanes(value, loop) &&
  !someExpr(value, ({ kind }) => kind === "reduce" || kind === "select") &&
  someExpr(value, (e) => e.kind === "load" && isContiguous(e.index, loop));
