/**
 * Remembers pending tensors that live on: losses that `backward` started from, tensors changed in place such as
 * BatchNorm's statistics, and single numbers such as the sum of a loop's losses. `optimizer.step()` computes them, so
 * that a tensor that grows a little in each iteration does not become a graph of all iterations.
 */

import type { Version } from "./version.ts";

/** More than a training step makes; of what no step ever settles the oldest is let go. */
const MOST_REMEMBERED = 1024;

let saved: Version[] = [];
let scalars: Version[] = [];

const within = (versions: Version[]): Version[] =>
  versions.length <= MOST_REMEMBERED ? versions : versions.slice(MOST_REMEMBERED / 2);

/** Remembers a version that is to be stored once it is computed. */
export function rememberKept(version: Version): void {
  version.isSaved = true;
  saved = within(saved);
  saved.push(version);
}

/** Remembers a single number that an operation has made. */
export function rememberScalar(version: Version): void {
  scalars = within(scalars);
  scalars.push(version);
}

/**
 * The saved versions since the last call that are still wanted and not computed: they go with their gradients' program.
 */
export function takeSaved(): readonly Version[] {
  const taken = saved.filter(({ operation, isSaved }) => operation !== undefined && isSaved);
  saved = [];
  return taken;
}

/** The numbers since the last call that have not been computed and that nothing else is computed from. */
export function takeScalars(): readonly Version[] {
  const taken = scalars.filter(({ operation, isUsed }) => operation !== undefined && !isUsed);
  scalars = [];
  return taken;
}
