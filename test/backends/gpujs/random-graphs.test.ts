/** Random graphs as gpu.js kernels against the interpreter, in the modes that need no GPU. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { autodiff } from "../../../passes/graph/autodiff.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { closeness } from "../../support/closeness.ts";
import { randomRuns } from "../../support/extent.ts";
import { type RandomGraph, randomConvNet, randomGraph, randomLoss } from "../../support/random-graph.ts";
import { runGraph } from "../../support/run-graph.ts";
import { modeNamed } from "./modes.ts";

/** Graphs for each mode and kind; a night's run may ask for more, and for other graphs. */
const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 15, 100);

describe.each(["cpu", "webasm"] as const)("gpujs:%s", (mode) => {
  const backend = modeNamed(mode);

  /** How many outputs could be compared, all of them close. */
  async function compare(
    { graph, values }: RandomGraph,
    result: Graph,
    gradientsFor?: string[],
  ): Promise<number> {
    const options = gradientsFor === undefined ? {} : { gradientsFor };
    const actual = await runGraph(graph, backend, values, options);
    return closeness(result, actual, await runGraph(graph, interpret, values, options));
  }

  async function compareAll(graphs: fc.Arbitrary<RandomGraph>, differentiate: boolean): Promise<void> {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(graphs, async (random) => {
        if (!differentiate) {
          compared += await compare(random, random.graph);
          return;
        }
        const names = random.graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
        compared += await compare(random, autodiff(names).run(random.graph), names);
      }),
      RUNS,
    );
    // Most outputs must be comparable, or the test would hold nothing.
    expect(compared).toBeGreaterThan(RUNS.numRuns / 2);
  }

  test("agrees with the interpreter", () => compareAll(randomGraph, false));
  test("agrees with it on gradients", () => compareAll(randomLoss, true));
  test("agrees with it on the gradients of convolutions, relu and pooling", () =>
    compareAll(randomConvNet, true));
});
