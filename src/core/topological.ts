/** Walks directed acyclic graphs without recursion, for they may be deeper than the call stack. */

/** Everything reachable from `roots`, each after all that `next` leads to from it. */
export function topologicalOrder<T>(roots: Iterable<T>, next: (item: T) => readonly T[]): T[] {
  const order: T[] = [];
  const visited = new Set<T>();
  const path: { readonly item: T; readonly pending: T[] }[] = [];
  const enter = (item: T): void => {
    if (visited.has(item)) return;
    visited.add(item);
    path.push({ item, pending: [...next(item)].reverse() });
  };
  for (const root of roots) {
    enter(root);
    while (path.length > 0) {
      const { item, pending } = path[path.length - 1];
      const following = pending.pop();
      if (following === undefined) {
        order.push(item);
        path.pop();
      } else enter(following);
    }
  }
  return order;
}
