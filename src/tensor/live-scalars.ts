/**
 * Remembers single numbers that wait to be computed, such as the sum of a loop's losses. `optimizer.step()` has them
 * computed, so that a sum that grows by one term in each turn does not become a graph of all turns.
 */

import type { Version } from "./version.ts";

/** More than a training step makes; of numbers that no step ever settles the oldest are let go. */
const MOST_REMEMBERED = 256;

let scalars: Version[] = [];
let roots: Version[] = [];

/** Remembers a number that an operation has made. */
export function rememberScalar(version: Version): void {
  if (scalars.push(version) > MOST_REMEMBERED) scalars = scalars.slice(MOST_REMEMBERED / 2);
}

/** Remembers a number that `backward` has started from. */
export function rememberRoot(version: Version): void {
  if (roots.push(version) > MOST_REMEMBERED) roots = roots.slice(MOST_REMEMBERED / 2);
}

/** The roots since the last call that nobody has computed; they belong to the same program as their gradients. */
export function takeRoots(): readonly Version[] {
  const taken = roots.filter(({ operation }) => operation !== undefined);
  roots = [];
  return taken;
}

/** The other numbers since the last call that nobody has computed and nothing else is computed from. */
export function takeScalars(): readonly Version[] {
  const taken = scalars.filter(({ operation, isUsed }) => operation !== undefined && !isUsed);
  scalars = [];
  return taken;
}
