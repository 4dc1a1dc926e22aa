/** Random graphs and their gradients on the `c` backend against the interpreter, all of one kind built together. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCBackend } from "../../../backends/c/backend.ts";
import { interpret } from "../../../backends/interpret/backend.ts";
import { autodiff } from "../../../passes/graph/autodiff.ts";
import type { PipelineOptions } from "../../../passes/pipeline.ts";
import { closeness } from "../../support/closeness.ts";
import { SEED } from "../../support/extent.ts";
import { buildMerged } from "../../support/merged-plans.ts";
import { type RandomGraph, randomConvNet, randomGraph, randomLoss } from "../../support/random-graph.ts";
import { planOf, runGraph } from "../../support/run-graph.ts";
import { strategiesFor } from "../../support/strategies.ts";
import { isHere, title } from "./toolchain.ts";

const wanted = process.env.KILN_RANDOM_GRAPHS;

/** Graphs of each kind; a night's run may ask for more, and for other graphs. */
const RUNS = { numRuns: Number(wanted ?? 4), seed: SEED };

const [four, eight, sixteen] = [4, 8, 16].map((lanes) => createCBackend({ lanes, threads: 1 }));
const together = createCBackend({ lanes: 8, threads: 2 });

/** The usual run forces one strategy after the other on graphs of its own, the night's run each on all of them. */
const HOW = [
  { name: "4 lanes", backend: four, options: { winograd: false } },
  { name: "16 lanes", backend: sixteen, options: { winograd: false } },
  { name: "8 lanes, divided", backend: together, options: { winograd: false, divideAlways: true } },
  ...strategiesFor(eight.capabilities).map(({ name }) => ({
    name: `8 lanes, ${name} forced`,
    backend: eight,
    options: { strategy: name, winograd: name === "winograd" },
  })),
];

interface Subject {
  readonly random: RandomGraph;
  readonly graph: RandomGraph["graph"];
  readonly options: Pick<PipelineOptions, "gradientsFor">;
}

/** A graph as it is, or the gradients of its loss for all its states. */
const plain = (random: RandomGraph): Subject => ({ random, graph: random.graph, options: {} });
function differentiated(random: RandomGraph): Subject {
  const names = random.graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
  return { random, graph: autodiff(names).run(random.graph), options: { gradientsFor: names } };
}

describe.skipIf(!isHere)(title("random graphs"), () => {
  test.each(HOW)(
    "agree with the interpreter: $name",
    async ({ backend, options, name }) => {
      const seed = RUNS.seed + HOW.findIndex((how) => how.name === name);
      const sample = { ...RUNS, seed };
      const subjects = [
        ...fc.sample(randomGraph, sample).map(plain),
        ...fc.sample(randomLoss, sample).map(differentiated),
        ...fc.sample(randomConvNet, sample).map(differentiated),
      ];
      const plans = subjects.map((s) => planOf(s.random.graph, backend, { ...options, ...s.options }));
      const merged = await buildMerged(plans, backend);
      let compared = 0;
      for (const [k, { random, graph, options: own }] of subjects.entries()) {
        const results = await merged.run(k, random.values);
        const expected = await runGraph(random.graph, interpret, random.values, own);
        compared += closeness(graph, results, expected, options);
      }
      merged.dispose();
      // Most outputs must be comparable, or the test would hold nothing.
      expect(compared).toBeGreaterThan(subjects.length / 2);
    },
    3_600_000,
  );
});
