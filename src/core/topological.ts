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

/**
 * The function whose value for an item follows from its values for what `next` leads to. Items never change: `compute` is
 * asked once for each of them, however many ways lead to it, and never from within itself.
 */
export function bottomUp<T extends object, R>(
  next: (item: T) => readonly T[],
  compute: (item: T, of: (next: T) => R) => R,
): (item: T) => R {
  const known = new WeakMap<T, R>();
  const of = (item: T): R => known.get(item) as R;
  return (root) => {
    if (known.has(root)) return of(root);
    for (const item of topologicalOrder([root], (one) => (known.has(one) ? [] : next(one))))
      if (!known.has(item)) known.set(item, compute(item, of));
    return of(root);
  };
}
