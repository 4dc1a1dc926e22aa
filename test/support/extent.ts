/**
 * How much a run tests. `npm test` takes a share of each large set of like cases, so that it ends within minutes and still
 * reaches every layer; `npm run test:all` takes all of them, and runs what looks for slow leaks.
 */

export const isWhole = process.env.KILN_TESTS === "all";

/** Draws the random cases, and chooses the share of a set; `KILN_RANDOM_SEED=N` gives others. */
export const SEED = Number(process.env.KILN_RANDOM_SEED ?? 1);

/** What fast-check runs: `few` cases, `all` in a whole run, or as many as an environment variable says. */
export const randomRuns = (
  variable: string,
  few: number,
  all: number,
): { readonly numRuns: number; readonly seed: number } => ({
  numRuns: Number(process.env[variable] ?? (isWhole ? all : few)),
  seed: SEED,
});

/** One in `share` of like cases, spread over the list; all of them in a whole run. */
export function oneIn<T>(share: number, cases: readonly T[]): readonly T[] {
  if (isWhole) return cases;
  return cases.filter((_, k) => k % share === SEED % share);
}
