/** Every program means the same in both modes: run operation by operation, and traced, compiled and run. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareModes } from "../support/both-modes.ts";
import { KINDS, randomProgram } from "../support/random-program.ts";

/** Programs; a night's run may ask for more, and for others: KILN_RANDOM_PROGRAMS, KILN_RANDOM_SEED. */
const RUNS = {
  numRuns: Number(process.env.KILN_RANDOM_PROGRAMS ?? 200),
  seed: Number(process.env.KILN_RANDOM_SEED ?? 1),
};

/** All of them run on the oracle; the code of each backend sees a part of them. */
const BACKENDS = [["interpret", "js"], ["interpret", "wasm"], ["interpret"]];

test("random programs give the same numbers interactively and compiled", async () => {
  const met = new Set<string>();
  let refused = 0;
  let count = 0;
  await fc.assert(
    fc.asyncProperty(randomProgram, async (spec) => {
      for (const { kind } of spec.instructions) met.add(kind);
      refused += await compareModes(spec, BACKENDS[count++ % BACKENDS.length]);
    }),
    RUNS,
  );
  if (RUNS.numRuns >= 200) expect(KINDS.filter((kind) => !met.has(kind))).toEqual([]);
  // Nearly all programs are to be comparable.
  expect(refused).toBeLessThan(RUNS.numRuns / 2);
}, 600_000);
