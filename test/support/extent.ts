/**
 * How much a run tests. `npm test` takes a sample of each large set of similar cases, so that it ends within minutes
 * and still reaches every layer; `npm run test:all` takes all of them, and runs the tests that look for slow leaks.
 */

export const isWhole = process.env.KILN_TESTS === "all";

/** Draws the random cases, and chooses the sample of a set; `KILN_RANDOM_SEED=N` gives others. */
export const SEED = Number(process.env.KILN_RANDOM_SEED ?? 1);

/** The number of fast-check's runs: `few` cases, `all` in a whole run, or the value of an environment variable. */
export const randomRuns = (
  variable: string,
  few: number,
  all: number,
): { readonly numRuns: number; readonly seed: number } => ({
  numRuns: Number(process.env[variable] ?? (isWhole ? all : few)),
  seed: SEED,
});

/** One in `share` of similar cases, spread over the list; all of them in a whole run. */
export function oneIn<T>(share: number, cases: readonly T[]): readonly T[] {
  if (isWhole) return cases;
  return cases.filter((_, k) => k % share === SEED % share);
}
