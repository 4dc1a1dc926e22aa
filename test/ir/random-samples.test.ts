/** Graphs of every op's samples, joined at random: backends agree with the ops' references, forward and backward. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCBackend } from "../../backends/c/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import type { Graph } from "../../src/ir/types.ts";
import { isHere } from "../backends/c/toolchain.ts";
import { randomRuns } from "../support/extent.ts";
import { lossOf, type RandomGraph } from "../support/random-graph.ts";
import { movedBy, randomSampleGraph, SAMPLED_OPS } from "../support/random-samples.ts";
import { runGraph } from "../support/run-graph.ts";

/** Graphs per backend; a night's run may ask for more, and for other graphs. */
const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 10, 20);

/**
 * Some twenty roundings lie between an input and an output, each of which may move it as a disturbed input does; what
 * cancels leaves roundings of the largest number of about 1.
 */
const ROUNDINGS = 30;
const NOISE = 1e-5;
/** Where a disturbance moves an output by more, a comparison jumps, or nearly so: there is nothing to compare. */
const JUMP = 1e-3;

/** How many outputs could be compared. */
function compare(
  graph: Graph,
  values: RandomGraph["values"],
  actual: Readonly<Record<string, TypedArray>>,
): number {
  const { expected, moved } = movedBy(graph, values);
  let compared = 0;
  for (const { name } of graph.outputs) {
    const largest = Math.max(1, ...Array.from(expected[name], Math.abs));
    if (!(moved.get(name)! <= JUMP * largest)) continue;
    compared++;
    const tolerance = ROUNDINGS * moved.get(name)! + NOISE * largest;
    for (const [i, right] of expected[name].entries())
      if (!(Math.abs(actual[name][i] - right) <= tolerance))
        throw new Error(`${name}[${i}] is ${actual[name][i]}, not ${right} within ${tolerance}`);
  }
  return compared;
}

/** As wide as the processor's vectors, and half as wide for every other seed. */
const c = createCBackend(RUNS.seed % 2 === 0 ? {} : { lanes: 8 });

describe.each([interpret, js, wasm, ...(isHere ? [c] : [])])("$name", (backend) => {
  // Each graph is built by the system's compiler.
  const runs = backend === c ? { ...RUNS, numRuns: Math.ceil(RUNS.numRuns / 4) } : RUNS;

  test("agrees with the references", async () => {
    let [compared, outputs] = [0, 0];
    await fc.assert(
      fc.asyncProperty(randomSampleGraph, async ({ graph, values }) => {
        outputs += graph.outputs.length;
        compared += compare(graph, values, await runGraph(graph, backend, values));
      }),
      runs,
    );
    expect(compared).toBeGreaterThan(outputs * 0.8);
  });

  test("agrees with the references on gradients", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomSampleGraph, async (random) => {
        fc.pre(random.graph.outputs[0].value.type.dtype === "float32");
        const { graph, values } = lossOf(random);
        const gradientsFor = graph.inputs.flatMap(({ name, type }) =>
          type.dtype === "float32" ? [name] : [],
        );
        const results = await runGraph(graph, backend, values, { gradientsFor });
        compared += compare(autodiff(gradientsFor).run(graph), values, results);
      }),
      runs,
    );
    expect(compared).toBeGreaterThan(runs.numRuns);
  });
});

test("they are made of nearly all ops", () => {
  expect(SAMPLED_OPS.length).toBeGreaterThan(100);
});
