/** Random models from the whole catalogue: compiled training on each backend agrees with the interpreter. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { STRATEGIES } from "../../passes/scheduling/schedule.ts";
import { isHere } from "../backends/c/toolchain.ts";
import { randomRuns } from "../support/extent.ts";
import { coverage, KINDS, type ModelSpec, randomModel } from "../support/random-model.ts";
import {
  differenceBetween,
  isIllConditioned,
  type Setting,
  trainRandom,
} from "../support/random-training.ts";

/** How many models; a night's run may ask for more, and for others: KILN_RANDOM_MODELS, KILN_RANDOM_SEED. */
const { numRuns, seed } = randomRuns("KILN_RANDOM_MODELS", 12, 85);

/** A night's run trains each model in all ways. */
const isLong = numRuns >= 1000;

/** What a model is trained with; one strategy is forced in turn. */
function settingsOf({ seed }: ModelSpec): Setting[] {
  const one: Setting = { backend: "wasm", threads: 1 };
  const two: Setting = { backend: "wasm", threads: 2, strategy: STRATEGIES[seed % STRATEGIES.length].name };
  // test/backends/c trains a few with it; each is built by the system's compiler.
  const built: Setting[] =
    isHere && isLong ? [one, two].map((setting) => ({ ...setting, backend: "c" })) : [];
  return [{ backend: "js" }, ...(isLong ? [one, two] : [seed % 2 === 0 ? one : two]), ...built];
}

test("every backend trains them as the interpreter does", async () => {
  const met = new Set<string>();
  let illConditioned = 0;
  // First nets that have every kind of step among them, then any.
  const examples = coverage(seed).map((spec): [ModelSpec] => [spec]);
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
    { numRuns, seed, examples },
  );
  if (numRuns > examples.length) expect(KINDS.filter((kind) => !met.has(kind))).toEqual([]);
  // Were it many, the comparison would have no teeth.
  expect(illConditioned).toBeLessThanOrEqual(Math.ceil(numRuns / 100));
}, 3_600_000);
