/** Random models from the whole catalogue: compiled training on each backend agrees with the interpreter. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { STRATEGIES } from "../../passes/scheduling/schedule.ts";
import { KINDS, type ModelSpec, randomModel } from "../support/random-model.ts";
import {
  differenceBetween,
  isIllConditioned,
  type Setting,
  trainRandom,
} from "../support/random-training.ts";

/** How many models; a night's run may ask for more, and for others: KILN_RANDOM_MODELS, KILN_RANDOM_SEED. */
const RUNS = {
  numRuns: Number(process.env.KILN_RANDOM_MODELS ?? 160),
  seed: Number(process.env.KILN_RANDOM_SEED ?? 1),
};

/** What every model is trained with; one strategy is forced in turn. */
const settingsOf = ({ seed }: ModelSpec): Setting[] => [
  { backend: "js" },
  { backend: "wasm", threads: 1 },
  { backend: "wasm", threads: 2, strategy: STRATEGIES[seed % STRATEGIES.length].name },
];

test("every backend trains them as the interpreter does", async () => {
  const met = new Set<string>();
  let illConditioned = 0;
  await fc.assert(
    fc.asyncProperty(randomModel, async (spec) => {
      const expected = await trainRandom(spec, { backend: "interpret" });
      for (const kind of expected.kinds) met.add(kind);
      for (const setting of settingsOf(spec)) {
        const found = differenceBetween(await trainRandom(spec, setting), expected);
        if (found === undefined) continue;
        if (!(await isIllConditioned(spec))) {
          throw new Error(`with ${JSON.stringify(setting)}: ${found}`);
        }
        illConditioned++;
        break;
      }
    }),
    RUNS,
  );
  if (RUNS.numRuns >= 1000) expect(KINDS.filter((kind) => !met.has(kind))).toEqual([]);
  // Were it many, the comparison would have no teeth.
  expect(illConditioned).toBeLessThanOrEqual(Math.ceil(RUNS.numRuns / 100));
}, 3_600_000);
