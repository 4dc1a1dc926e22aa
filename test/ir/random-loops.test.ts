/** Random graphs with loops: they are what their iterations written out are, in value and gradient, on every backend. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCBackend } from "../../backends/c/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";
import { isHere } from "../backends/c/toolchain.ts";
import { closeness } from "../support/closeness.ts";
import { describeGraph } from "../support/describe-graph.ts";
import { randomRuns } from "../support/extent.ts";
import { randomLoopLoss, randomLoops } from "../support/random-loops.ts";
import { evaluateGraph } from "../support/reference.ts";
import { runGraph } from "../support/run-graph.ts";
import { unrolled } from "../support/unrolled.ts";

/** Graphs per backend; a night's run may ask for more, and for other graphs. */
const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 8, 15);

const statesOf = (graph: Graph): string[] =>
  graph.inputs.flatMap(({ role, name }) => (role === "state" ? [name] : []));

test("their text reads back to an equal graph", () => {
  fc.assert(
    fc.property(randomLoops, ({ graph }) => {
      const text = printGraph(graph);
      const back = parseGraph(text, opTable);
      expect(printGraph(back)).toBe(text);
      expect(describeGraph(back)).toEqual(describeGraph(graph));
    }),
    RUNS,
  );
});

test("the reference of a loop is that of its iterations", () => {
  fc.assert(
    fc.property(randomLoops, ({ graph, values }) => {
      expect(evaluateGraph(graph, values)).toEqual(evaluateGraph(unrolled(graph), values));
    }),
    RUNS,
  );
});

/** Doubles have 29 more bits than floats. */
const DOUBLE = 2 ** -29;

/** 4, 8 or 16 lanes, as the seed says. */
const c = createCBackend({ lanes: 4 << (RUNS.seed % 3), threads: 2 });

describe.each([
  { backend: interpret, precision: DOUBLE, options: {} },
  { backend: js, precision: 1, options: { winograd: false } },
  { backend: wasm.configured({ threads: 1 }), precision: 1, options: { winograd: false } },
  {
    backend: wasm.configured({ threads: 2 }),
    precision: 1,
    options: { winograd: false, divideAlways: true },
  },
  { backend: await backendNamed("gpujs:cpu"), precision: 1, options: { winograd: false } },
  ...(isHere ? [{ backend: c, precision: 1, options: { winograd: false, divideAlways: true } }] : []),
])("$backend.name with $options", ({ backend, precision, options }) => {
  // Each graph is built by the system's compiler.
  const runs = backend === c ? { ...RUNS, numRuns: Math.ceil(RUNS.numRuns / 4) } : RUNS;

  test("gives what the iterations give", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomLoops, async ({ graph, values }) => {
        const written = unrolled(graph);
        const results = await runGraph(graph, backend, values, options);
        compared += closeness(written, results, evaluateGraph(written, values), { precision });
      }),
      runs,
    );
    // Most outputs must be comparable, or the test would hold nothing.
    expect(compared).toBeGreaterThan(runs.numRuns / 2);
  });

  test("gives the gradients that the iterations have", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(randomLoopLoss, async ({ graph, values }) => {
        const names = statesOf(graph);
        const written = autodiff(names).run(unrolled(graph));
        const results = await runGraph(graph, backend, values, { ...options, gradientsFor: names });
        expect(Object.keys(results)).toEqual(expect.arrayContaining(written.outputs.map(({ name }) => name)));
        compared += closeness(written, results, evaluateGraph(written, values), { precision });
      }),
      runs,
    );
    expect(compared).toBeGreaterThan(runs.numRuns / 2);
  });
});
