/** The names of the kernels that a graph's groups become; dumps and pictures of the graph use them too. */

import type { Group } from "./types.ts";

/** One name for each group, in order; those that are called alike are numbered from the second on. */
export function kernelNames(groups: readonly Group[]): readonly string[] {
  const counts = new Map<string, number>();
  return groups.map(({ name }) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}
