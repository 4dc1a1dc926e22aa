/** Every program means the same in both modes: run operation by operation, and traced, compiled and run. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import { isHere } from "../backends/c/toolchain.ts";
import { compareModes } from "../support/both-modes.ts";
import { randomRuns } from "../support/extent.ts";
import { drawsNumbers, makeModel, randomModel } from "../support/random-model.ts";
import { KINDS, randomProgram } from "../support/random-program.ts";
import { differenceBetween, isIllConditioned, trainRandom } from "../support/random-training.ts";

/** Programs; a night's run may ask for more, and for others: KILN_RANDOM_PROGRAMS, KILN_RANDOM_SEED. */
const RUNS = {
  ...randomRuns("KILN_RANDOM_PROGRAMS", 25, 150),
};

const BACKENDS = ["interpret", "js", "wasm"] as const;

/** One program in so many is also built by the system's compiler, forward or in training. */
const IN_C = RUNS.numRuns > 1000 ? 10 : 25;

test("random programs give the same numbers interactively and compiled", async () => {
  const met = new Set<string>();
  let refused = 0;
  let count = 0;
  await fc.assert(
    fc.asyncProperty(randomProgram, async (spec) => {
      for (const { kind } of spec.instructions) met.add(kind);
      // Each backend sees a third of them, forward alone and in training; a night's run sees all on all.
      const turn: BackendName[] = [0, 1].map((offset) => BACKENDS[(count + offset) % BACKENDS.length]);
      if (isHere && count % IN_C === 0) turn[(count / IN_C) % 2] = "c";
      count++;
      refused += await compareModes(
        spec,
        RUNS.numRuns > 1000
          ? { forwards: [...BACKENDS, ...turn.slice(0, 1)], training: [...BACKENDS, ...turn.slice(1)] }
          : { forwards: [turn[0]], training: [turn[1]] },
      );
    }),
    RUNS,
  );
  if (RUNS.numRuns >= 150) expect(KINDS.filter((kind) => !met.has(kind))).toEqual([]);
  // Nearly all programs are to be comparable.
  expect(refused).toBeLessThan(RUNS.numRuns / 2);
}, 600_000);

test("random models train interactively as they train compiled", async () => {
  const numRuns = Math.ceil(RUNS.numRuns / 15);
  await fc.assert(
    fc.asyncProperty(randomModel, async (spec) => {
      fc.pre(!drawsNumbers(makeModel(spec)));
      const compiled = await trainRandom(spec, { backend: "interpret" });
      const found = differenceBetween(await trainRandom(spec, { backend: "none" }), compiled);
      if (found !== undefined && !(await isIllConditioned(spec))) throw new Error(found);
    }),
    { ...RUNS, numRuns },
  );
}, 3_600_000);

test("a buffer that is a view takes over a detached parameter in every trace of the model", async () => {
  // The second trace, for the gradients, found the parameter's view as the first one had left it.
  const copy = { kind: "copy_", a: 37, b: 0, c: 39, noGrad: true } as const;
  const more = { inputs: 2, outputs: 1, steps: 1, frozen: false, anchored: false, seed: 0 };
  const refused = await compareModes(
    { instructions: [copy], ...more },
    { forwards: BACKENDS, training: BACKENDS },
  );
  expect(refused).toBe(0);
});
