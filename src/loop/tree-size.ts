/** How much expressions would come to without sharing: what decides whether they may be walked or written as trees. */

import type { Expr } from "./types.ts";
import { forEachChild } from "./walk.ts";

/** Whether expressions, written out as trees, have more than `most` nodes together; no more of them than that are looked at. */
export function areLargerThan(roots: readonly Expr[], most: number): boolean {
  let left = most;
  const count = (e: Expr): void => {
    if (--left >= 0) forEachChild(e, count);
  };
  roots.forEach(count);
  return left < 0;
}
