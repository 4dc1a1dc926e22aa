/** The ops' samples and random graphs as C under the compilers' sanitizers, which see what a comparison of numbers does not. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { autodiff } from "../../../passes/graph/autodiff.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { OPS, opTable } from "../../../src/ops/registry.ts";
import { closeness } from "../../support/closeness.ts";
import { SEED } from "../../support/extent.ts";
import { buildMerged } from "../../support/merged-plans.ts";
import { randomConvNet, randomLoss } from "../../support/random-graph.ts";
import { planOf, relativeError, runGraph } from "../../support/run-graph.ts";
import { graphOf, reference, sampleCases, valuesOf } from "../../support/sample-cases.ts";
import { MEMORY, RACES, sanitizedBackend } from "./sanitized.ts";
import { isHere, title } from "./toolchain.ts";

/** `npm run sanitize` looks at all samples, and at as many graphs as it is told; the usual run at a few, others each seed. */
const isLong = process.env.KILN_RANDOM_GRAPHS !== undefined;
const SHARE = isLong ? 1 : 12;
const RUNS = {
  numRuns: Number(process.env.KILN_RANDOM_GRAPHS ?? 2),
  seed: SEED,
};

/** As in the samples' own test. */
const TOLERANCE = 1e-6;

/** Eight numbers from eight others. */
function graph() {
  const b = new GraphBuilder(opTable);
  const x = b.input("state", "x", { dtype: "float32", shape: [8] });
  return b.build("sum", [{ name: "output", value: b.node("add", [x, b.node("exp", [x])]) }]);
}

const EIGHT = { x: Float32Array.from({ length: 8 }, (_, k) => k / 8) };

test.skipIf(!isHere)(
  title("the sanitizers see what a plan lets a kernel write beyond a buffer's end"),
  async () => {
    const backend = sanitizedBackend({ lanes: 4, threads: 1 }, MEMORY);
    const plan = planOf(graph(), backend);
    const broken = {
      ...plan,
      buffers: plan.buffers.map((b) => (b.role === "state" ? b : { ...b, shape: [7] })),
      outputs: plan.outputs.map((o) => ({ ...o, shape: [7] })),
    };
    const merged = await buildMerged([broken], backend);
    await expect(merged.run(0, EIGHT)).rejects.toThrow(/AddressSanitizer: heap-buffer-overflow/);
    merged.dispose();
  },
);

test.skipIf(!isHere)(title("the sanitizers see threads that do not wait for each other"), async () => {
  const backend = sanitizedBackend({ lanes: 4, threads: 2 }, RACES, false);
  const [random] = fc.sample(randomConvNet, { numRuns: 1, seed: 1 });
  const plan = planOf(random.graph, backend, { divideAlways: true, winograd: false });
  const merged = await buildMerged([plan], backend);
  await expect(merged.run(0, random.values)).rejects.toThrow(/ThreadSanitizer: data race/);
  merged.dispose();
});

describe.skipIf(!isHere)(title("under sanitizers"), () => {
  test.each([
    // Threads under a sanitizer take a second for each sample.
    ...(isLong ? [{ what: "races of three threads", sanitizers: RACES, lanes: 8, threads: 3 }] : []),
    { what: "memory in 4 lanes", sanitizers: MEMORY, lanes: 4, threads: 1 },
    { what: "memory in 8 lanes", sanitizers: MEMORY, lanes: 8, threads: 1 },
    { what: "memory in 16 lanes", sanitizers: MEMORY, lanes: 16, threads: 1 },
  ])(
    "the ops' samples: $what",
    async ({ sanitizers, lanes, threads }) => {
      const backend = sanitizedBackend({ lanes, threads }, sanitizers);
      const cases = sampleCases(OPS).filter((_, k) => (k + RUNS.seed + lanes + threads) % SHARE === 0);
      const plans = cases.map((one) =>
        planOf(graphOf(one), backend, { divideAlways: threads > 1, winograd: false }),
      );
      const merged = await buildMerged(plans, backend);
      for (const [k, one] of cases.entries()) {
        const values = valuesOf(one);
        const { output } = await merged.run(k, values);
        expect(relativeError(output, reference(one, values)), one.label).toBeLessThanOrEqual(TOLERANCE);
      }
      merged.dispose();
    },
    3_600_000,
  );

  test.each([
    { what: "memory in 16 lanes", sanitizers: MEMORY, lanes: 16, threads: 1 },
    { what: "memory in 4 lanes", sanitizers: MEMORY, lanes: 4, threads: 2 },
    { what: "races of two threads", sanitizers: RACES, lanes: 16, threads: 2 },
  ])(
    "the gradients of random graphs: $what",
    async ({ sanitizers, lanes, threads }) => {
      const backend = sanitizedBackend({ lanes, threads }, sanitizers);
      const randoms = [...fc.sample(randomLoss, RUNS), ...fc.sample(randomConvNet, RUNS)];
      const subjects = randoms.map((random) => ({
        random,
        gradientsFor: random.graph.inputs.filter(({ role }) => role === "state").map(({ name }) => name),
      }));
      const options = { divideAlways: threads > 1, winograd: false };
      const plans = subjects.map(({ random, gradientsFor }) =>
        planOf(random.graph, backend, { ...options, gradientsFor }),
      );
      const merged = await buildMerged(plans, backend);
      for (const [k, { random, gradientsFor }] of subjects.entries()) {
        const results = await merged.run(k, random.values);
        const expected = await runGraph(random.graph, interpret, random.values, { gradientsFor });
        closeness(autodiff(gradientsFor).run(random.graph), results, expected, options);
      }
      merged.dispose();
    },
    3_600_000,
  );
});
