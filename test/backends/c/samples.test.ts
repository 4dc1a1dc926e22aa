/** Every op's samples on the `c` backend, in 4, 8 and 16 lanes and without, on one thread and on several. */

import { describe, expect, test } from "vitest";
import { createCBackend } from "../../../backends/c/backend.ts";
import { OPS } from "../../../src/ops/registry.ts";
import { isWhole } from "../../support/extent.ts";
import { buildMerged } from "../../support/merged-plans.ts";
import { planOf, relativeError } from "../../support/run-graph.ts";
import { graphOf, reference, sampleCases, valuesOf } from "../../support/sample-cases.ts";
import { isHere, title } from "./toolchain.ts";

const CASES = sampleCases(OPS);

/** Every operation is rounded to float32 as in wasm, and samples chain a dozen or two of them; Winograd's method has a budget of its own. */
const TOLERANCE = 1e-6;

/** A night's run has every sample in each width, a whole one a third of them, another third in each, the usual one a ninth. */
const SHARE = process.env.KILN_RANDOM_GRAPHS !== undefined ? 1 : isWhole ? 3 : 9;

describe.skipIf(!isHere)(title("the ops' samples"), () => {
  test.each([
    { lanes: 1, threads: 2 },
    { lanes: 4, threads: 3 },
    { lanes: 8, threads: 1 },
    { lanes: 16, threads: 1 },
  ])("agree with their references in $lanes lanes on $threads threads", async ({ lanes, threads }) => {
    const backend = createCBackend({ lanes, threads });
    const cases = CASES.filter((_, k) => k % SHARE === Math.log2(lanes) % SHARE);
    const plans = cases.map((one) =>
      planOf(graphOf(one), backend, { divideAlways: threads > 1, winograd: false }),
    );
    const merged = await buildMerged(plans, backend);
    const wrong: string[] = [];
    for (const [k, one] of cases.entries()) {
      const values = valuesOf(one);
      const { output } = await merged.run(k, values);
      const error = relativeError(output, reference(one, values));
      if (!(error <= TOLERANCE)) wrong.push(`${one.label}: off by ${error}`);
    }
    merged.dispose();
    expect(wrong).toEqual([]);
  });
});
