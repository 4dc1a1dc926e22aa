/** Which expressions may be computed whether or not their guard holds, so that a choice needs no branch. */

import { bottomUp } from "../../../src/core/topological.ts";
import { LoadBounds } from "../../../src/loop/load-bounds.ts";
import type { RangeContext } from "../../../src/loop/range.ts";
import type { BufferParam, Expr } from "../../../src/loop/types.ts";
import { children } from "../../../src/loop/walk.ts";

/** Whether all loads in `e` stay inside of their buffers with what `ranges` knows. */
export const isSafe = (e: Expr, ranges: RangeContext, buffers: ReadonlyMap<string, BufferParam>): boolean =>
  new LoadBounds((buffer) => buffers.get(buffer)?.length ?? 0).looseIn(e, ranges) === undefined;

/** Operations above which a branch costs less than computing both sides of a choice. */
const CHEAP = 6;

/** Whether computing `e` in vain costs less than a branch: few operations, none of them long. */
export const isCheap = (e: Expr): boolean => operationsIn(e) <= CHEAP;

const operationsIn = bottomUp<Expr, number>(children, (e, countIn) => {
  const below = children(e).reduce((sum, child) => sum + countIn(child), 0);
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
});
