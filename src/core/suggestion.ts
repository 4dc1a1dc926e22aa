/** Suggests what a mistyped name may have meant. */

/** ` (did you mean --epochs?)` if one of `names` is close to `given`, else nothing. */
export function suggestion(given: string, names: readonly string[]): string {
  const most = Math.ceil(given.length / 3);
  const near = names
    .map((name) => ({ name, distance: editDistance(given, name) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return near.length === 0 ? "" : ` (did you mean ${near[0].name}?)`;
}

/** The number of letters to insert, delete or replace to turn one word into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}
