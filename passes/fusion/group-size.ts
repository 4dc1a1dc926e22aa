/**
 * Limits the size of groups. A kernel's text, and the depth of its expressions, follow from the user's program: long
 * chains become several kernels, so that no recursion over a kernel is deeper, and no kernel larger, than these limits.
 */

import type { Node } from "../../src/ir/types.ts";

/** The most steps from a stored value to the furthest node it is computed from within its group. */
export const MOST_STEPS = 64;

/** The most nodes of a group that stores one value; each further store may add as many. */
export const MOST_NODES = 512;

/** Anything that holds the nodes of a growing group. */
interface Growing {
  readonly stores: { readonly size: number };
}

/** The distance of nodes of growing groups from the stores. Nodes enter after all their users. */
export class GroupSizes {
  private readonly steps = new WeakMap<Growing, Map<Node, number>>();

  /** Whether a node that `users` read may be computed in all of these groups. */
  hasRoom(groups: Iterable<Growing>, users: readonly Node[]): boolean {
    return [...groups].every((group) => {
      const steps = this.steps.get(group);
      return (
        this.stepsTo(group, users) <= MOST_STEPS &&
        (steps === undefined || steps.size < MOST_NODES * Math.max(1, group.stores.size))
      );
    });
  }

  /** Notes that `node`, which `users` read, is computed in `group`. */
  enter(group: Growing, node: Node, users: readonly Node[]): void {
    const steps = this.steps.get(group) ?? new Map<Node, number>();
    this.steps.set(group, steps);
    steps.set(node, this.stepsTo(group, users));
  }

  private stepsTo(group: Growing, users: readonly Node[]): number {
    const steps = this.steps.get(group);
    return users.reduce((most, user) => Math.max(most, 1 + (steps?.get(user) ?? 0)), 1);
  }
}
