/** Random graphs: their text reads back, the interpreter agrees with the ops' references, and backends with it. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";
import { closeness } from "../support/closeness.ts";
import { describeGraph } from "../support/describe-graph.ts";
import { randomRuns } from "../support/extent.ts";
import { type RandomGraph, randomConvNet, randomGraph, randomLoss } from "../support/random-graph.ts";
import { evaluateGraph } from "../support/reference.ts";
import { runGraph } from "../support/run-graph.ts";
import { strategiesFor } from "../support/strategies.ts";

/** Graphs per backend; a night's run may ask for more, and for other graphs. */
const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 5, 60);

/** Winograd's method is not exact on whole numbers: only where it is forced may results differ by its budget. */
const BACKENDS = [js, wasm].flatMap((backend) => [
  { name: backend.name, backend, options: { winograd: false } },
  ...strategiesFor(backend.capabilities).map(({ name }) => ({
    name: `${backend.name}, ${name} forced`,
    backend,
    options: { strategy: name, winograd: name === "winograd" },
  })),
]);

/** The gradients of the graph's loss for all its states, as a graph of their own. */
function differentiated({ graph }: RandomGraph): { names: string[]; gradients: Graph } {
  const names = graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
  return { names, gradients: autodiff(names).run(graph) };
}

test("their text reads back to an equal graph", () => {
  fc.assert(
    fc.property(randomGraph, ({ graph }) => {
      const text = printGraph(graph);
      const back = parseGraph(text, opTable);
      expect(printGraph(back)).toBe(text);
      expect(describeGraph(back)).toEqual(describeGraph(graph));
    }),
    RUNS,
  );
});

/** Doubles have 29 more bits than floats. */
const DOUBLE = 2 ** -29;

describe("the interpreter after all passes", () => {
  test("agrees with the ops' own references", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomGraph, async ({ graph, values }) => {
        const results = await runGraph(graph, interpret, values);
        compared += closeness(graph, results, evaluateGraph(graph, values), {
          precision: DOUBLE,
        });
      }),
      RUNS,
    );
    // Most outputs must be comparable, or the test would hold nothing.
    expect(compared).toBeGreaterThan(RUNS.numRuns / 2);
  });

  test("agrees with the references on gradients", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomLoss, async (random) => {
        const { names, gradients } = differentiated(random);
        const results = await runGraph(random.graph, interpret, random.values, { gradientsFor: names });
        expect(Object.keys(results)).toEqual(
          expect.arrayContaining(gradients.outputs.map(({ name }) => name)),
        );
        compared += closeness(gradients, results, evaluateGraph(gradients, random.values), {
          precision: DOUBLE,
        });
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(RUNS.numRuns / 2);
  });
});

describe.each(BACKENDS)("$name", ({ backend, options }) => {
  test("agrees with the interpreter, to the bit where float32 is exact", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomGraph, async ({ graph, values }) => {
        const results = await runGraph(graph, backend, values, options);
        compared += closeness(graph, results, await runGraph(graph, interpret, values), options);
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(RUNS.numRuns / 2);
  });

  test("agrees with the interpreter on gradients", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomLoss, async (random) => {
        const { names, gradients } = differentiated(random);
        const wanted = { gradientsFor: names };
        const results = await runGraph(random.graph, backend, random.values, { ...options, ...wanted });
        const expected = await runGraph(random.graph, interpret, random.values, wanted);
        compared += closeness(gradients, results, expected, options);
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(RUNS.numRuns / 2);
  });

  test("agrees with the interpreter on the gradients of convolutions, relu and pooling", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomConvNet, async (random) => {
        const { names, gradients } = differentiated(random);
        const wanted = { gradientsFor: names };
        const results = await runGraph(random.graph, backend, random.values, { ...options, ...wanted });
        const expected = await runGraph(random.graph, interpret, random.values, wanted);
        compared += closeness(gradients, results, expected, options);
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(RUNS.numRuns / 2);
  });
});
