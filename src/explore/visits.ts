/**
 * Decides which nodes of a module can be drawn as one box: those between which no path leaves the module and returns.
 * A module that is called again on something computed from its own result is drawn as one box per call.
 */

export interface Member {
  /** The groups that contain it, outermost first. */
  readonly path: readonly string[];
  /** Positions of the members that it reads, all of them before its own. */
  readonly reads: readonly number[];
}

/** For each member and each group on its path: how often a path to it can leave that group and return, at most. */
export function visitsOf(members: readonly Member[]): readonly (readonly number[])[] {
  const prefixes = members.map(({ path }) => path.map((_, k) => JSON.stringify(path.slice(0, k + 1))));
  const within = new Map<string, number[]>();
  prefixes.forEach((own, position) => {
    for (const prefix of own) {
      const positions = within.get(prefix);
      if (positions === undefined) within.set(prefix, [position]);
      else positions.push(position);
    }
  });
  const visits = prefixes.map((own) => own.map(() => 0));
  for (const [prefix, positions] of within) {
    const last = positions[positions.length - 1];
    const inside = new Set(positions);
    // Even: inside a visit, or before the first one. Odd: outside, after a visit.
    const state = new Map<number, number>();
    for (let position = positions[0]; position <= last; position++) {
      const isInside = inside.has(position);
      let most = 0;
      for (const read of members[position].reads) {
        const before = state.get(read) ?? 0;
        const leaves = !isInside && inside.has(read);
        most = Math.max(most, leaves ? before + 1 : before);
      }
      if (isInside && most % 2 === 1) most++;
      if (most > 0) state.set(position, most);
      if (isInside) visits[position][prefixes[position].indexOf(prefix)] = most / 2;
    }
  }
  return visits;
}
