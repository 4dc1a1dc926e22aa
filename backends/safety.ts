/** Decides which expressions may be computed whether or not their guard holds, so that a choice needs no branch. */

import { bottomUp } from "../src/core/topological.ts";
import { LoadBounds } from "../src/loop/load-bounds.ts";
import type { RangeContext } from "../src/loop/range.ts";
import type { BinaryOp, BufferParam, Expr, UnaryOp } from "../src/loop/types.ts";
import { children } from "../src/loop/walk.ts";

/** Whether all loads in `e` stay inside their buffers, given `ranges`. */
export const isSafe = (e: Expr, ranges: RangeContext, buffers: ReadonlyMap<string, BufferParam>): boolean =>
  new LoadBounds((buffer) => buffers.get(buffer)?.length ?? 0).looseIn(e, ranges) === undefined;

/** Operations above which a branch costs less than computing both sides of a choice. */
const CHEAP = 6;

/** Whether computing `e` in vain costs less than a branch: few operations, none of them slow. */
export const isCheap = (e: Expr): boolean => operationsIn(e) <= CHEAP;

/** Operations of one operand that are an instruction or two; all others are functions or slow. */
const SHORT: ReadonlySet<string> = new Set<UnaryOp>([
  ...(["neg", "abs", "sign", "not", "isnan", "floor", "ceil", "trunc", "round"] as const),
]);
/** Operations of two operands that are functions or slow. */
const LONG: ReadonlySet<string> = new Set<BinaryOp>(["div", "mod", "pow", "atan2", "fmod"]);

const operationsIn = bottomUp<Expr, number>(children, (e, countIn) => {
  const below = children(e).reduce((sum, child) => sum + countIn(child), 0);
  switch (e.kind) {
    case "const":
    case "var":
    case "local":
    case "scalar":
      return 0;
    case "unary":
      return below + (SHORT.has(e.op) ? 1 : CHEAP + 1);
    case "binary":
      return below + (LONG.has(e.op) ? CHEAP + 1 : 1);
    case "load":
    case "compare":
    case "select":
    case "cast":
    case "reduce":
      return below + 1;
    default:
      return e satisfies never;
  }
});
