/** Work divided among threads: the same bits whatever their number, on all ops, random graphs and whole nets. */

import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Executable } from "../../../backends/backend.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { ThreadPool } from "../../../backends/wasm/threads/pool.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { OPS } from "../../../src/ops/registry.ts";
import { traceLoss } from "../../../src/trace/trace.ts";
import { draw, generator } from "../../support/draw.ts";
import { oneIn, randomRuns } from "../../support/extent.ts";
import { type RandomGraph, randomConvNet, randomGraph, randomLoss } from "../../support/random-graph.ts";
import { makeModel, randomModel } from "../../support/random-model.ts";
import { planOf, runGraph, type Values } from "../../support/run-graph.ts";
import { differentiableInputs, graphOf, lossOf, sampleCases, valuesOf } from "../../support/sample-cases.ts";
import { strategiesFor } from "../../support/strategies.ts";

const alone = wasm.configured({ threads: 1 });
const together = [2, 3].map((threads) => wasm.configured({ threads }));

/** What comes out on one thread and on several, with work divided wherever it can be. */
async function expectSameBits(graph: Graph, values: Values, options: Options = {}): Promise<void> {
  const expected = await runGraph(graph, alone, values, options);
  for (const backend of together) {
    const actual = await runGraph(graph, backend, values, { ...options, divideAlways: true });
    expect(actual).toEqual(expected);
  }
}

type Options = NonNullable<Parameters<typeof runGraph>[3]>;

/** Keeps the workers from one graph to the next. */
let held: Executable;

beforeAll(async () => {
  const backend = wasm.configured({ threads: 3 });
  const plan = planOf(graphOf(CASES.find(({ op }) => op === "conv2d")!), backend, { divideAlways: true });
  const states = backend.createStateMemory();
  states.allocate(plan.states);
  held = await backend.compile(plan, states);
  expect(ThreadPool.size).toBe(2);
});

afterAll(() => held.dispose());

const CASES = sampleCases(OPS);

describe.each(oneIn(12, Object.keys(OPS)))("%s", (op) => {
  const cases = CASES.filter((sampleCase) => sampleCase.op === op);

  test("has the same bits on one, two and three threads", async () => {
    for (const sampleCase of cases) await expectSameBits(graphOf(sampleCase), valuesOf(sampleCase));
  });

  test("has the same gradients", async () => {
    for (const sampleCase of cases) {
      const names = differentiableInputs(sampleCase);
      if (names.length === 0) continue;
      const loss = lossOf(sampleCase);
      const { shape } = loss.inputs.find(({ name }) => name === "cotangent")!.type;
      const cotangent = draw({ dtype: "float32", shape }, generator(11));
      await expectSameBits(loss, { ...valuesOf(sampleCase), cotangent }, { gradientsFor: names });
    }
  });
});

const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 3, 15);

test("random models have the same gradients", () =>
  fc.assert(
    fc.asyncProperty(randomModel, async (spec) => {
      const { model, loss, inputs, targets, batches } = makeModel(spec);
      const { graph, states, parameters } = traceLoss(model, loss, inputs, targets);
      const given = graph.inputs.filter(({ role }) => role === "input");
      const tensors = [...given.map(({ name }, k) => [name, batches[0][k]] as const), ...states];
      const values = await Promise.all(tensors.map(async ([name, t]) => [name, await t.data()] as const));
      await expectSameBits(graph, Object.fromEntries(values), { gradientsFor: parameters });
    }),
    RUNS,
  ));

describe.each(oneIn(4, [undefined, ...strategiesFor(wasm.capabilities).map(({ name }) => name)]))(
  "random graphs, strategy %s",
  (strategy) => {
    const options: Options = strategy === undefined ? {} : { strategy };

    test("have the same bits", () =>
      fc.assert(
        fc.asyncProperty(randomGraph, ({ graph, values }) => expectSameBits(graph, values, options)),
        RUNS,
      ));

    test.each([randomLoss, randomConvNet])("have the same gradients (%#)", (graphs) =>
      fc.assert(
        fc.asyncProperty(graphs, ({ graph, values }: RandomGraph) => {
          const names = graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
          return expectSameBits(graph, values, { ...options, gradientsFor: names });
        }),
        RUNS,
      ),
    );
  },
);
