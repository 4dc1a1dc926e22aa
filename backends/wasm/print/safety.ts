/** Which expressions may be computed whether or not their guard holds, so that a choice needs no branch. */

import type { RangeContext } from "../../../src/loop/range.ts";
import type { BufferParam, Expr } from "../../../src/loop/types.ts";
import { children } from "../../../src/loop/walk.ts";

/** Whether all loads in `e` stay inside of their buffers with what `ranges` knows. */
export function isSafe(e: Expr, ranges: RangeContext, buffers: ReadonlyMap<string, BufferParam>): boolean {
  if (e.kind === "load") {
    const { low, high } = ranges.rangeOf(e.index);
    return low >= 0 && high < (buffers.get(e.buffer)?.length ?? 0) && isSafe(e.index, ranges, buffers);
  }
  if (e.kind === "select") {
    return (
      isSafe(e.condition, ranges, buffers) &&
      isSafe(e.a, ranges.withCondition(e.condition), buffers) &&
      isSafe(e.b, ranges, buffers)
    );
  }
  return children(e).every((child) => isSafe(child, ranges, buffers));
}

/** Operations above which a branch costs less than computing both sides of a choice. */
const CHEAP = 6;

/** Whether computing `e` in vain costs less than a branch: few operations, none of them long. */
export const isCheap = (e: Expr): boolean => operationsIn(e) <= CHEAP;

function operationsIn(e: Expr): number {
  const below = children(e).reduce((sum, child) => sum + operationsIn(child), 0);
  switch (e.kind) {
    case "const":
    case "var":
    case "local":
    case "scalar":
      return 0;
    case "unary":
      return below + (["exp", "log", "expm1", "log1p", "tanh", "sqrt"].includes(e.op) ? CHEAP + 1 : 1);
    case "binary":
      return below + (["div", "mod", "pow"].includes(e.op) ? CHEAP + 1 : 1);
    case "load":
    case "compare":
    case "select":
    case "cast":
    case "reduce":
      return below + 1;
    default:
      return e satisfies never;
  }
}
