/** How much an expression would come to without sharing: what decides whether it may be walked or written as a tree. */

import type { Expr } from "./types.ts";
import { children } from "./walk.ts";

const sizes = new WeakMap<Expr, number>();

/** How many nodes `e` has where it is written out as a tree; may be infinite. */
export function treeSize(e: Expr): number {
  const known = sizes.get(e);
  if (known !== undefined) return known;
  const size = children(e).reduce((sum, child) => sum + treeSize(child), 1);
  sizes.set(e, size);
  return size;
}
