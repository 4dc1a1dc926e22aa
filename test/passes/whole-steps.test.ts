/** Whole steps that are drawn at random: groups wait for none but earlier ones, and states end as the references say. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { gpujsBackends } from "../../backends/gpujs/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { trainingStep } from "../../passes/graph/training-step.ts";
import { baseOf } from "../../passes/lowering/commit.ts";
import { PassManager } from "../../passes/manager.ts";
import { lowerTraced } from "../../passes/pipeline.ts";
import { isGraph } from "../../src/ir/artifact.ts";
import { operandsOf } from "../../src/ir/body.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import { closeness } from "../support/closeness.ts";
import { randomRuns } from "../support/extent.ts";
import { type RandomStep, randomTraining, randomUpdates } from "../support/random-step.ts";
import { evaluateGraph } from "../support/reference.ts";
import { runGraph } from "../support/run-graph.ts";

/** Steps of each kind; a night's run may ask for more, and for others. */
const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 10, 40);

const KINDS = { "any new values": randomUpdates, "an optimizer's": randomTraining };

/** In place with all stores in few kernels, in place with one store each, and with one thread for each element. */
const GROUPED: Readonly<Record<string, Backend>> = {
  interpret,
  js,
  wasm,
  "js with one output": { ...js, capabilities: { ...js.capabilities, maxOutputs: 1 } },
  gpujs: gpujsBackends()[0],
};

/** The step as a graph that no pass has changed. */
const wholeStep = ({ graph, training }: RandomStep): Graph =>
  training === undefined
    ? graph
    : trainingStep(training.update).run(autodiff(training.gradientsFor).run(graph));

/** Every value that a group reads is stored by an earlier group, or computed in it; and only the last write states. */
function requireOrder(graph: Graph): void {
  const stored = new Set<Value>(graph.inputs);
  const newValues = new Set(graph.updates.map(({ value }) => value));
  let commits = false;
  for (const { name, nodes, stores } of graph.groups!) {
    const inside = new Set<Value>(nodes);
    for (const input of nodes.flatMap((node) => operandsOf(node).map(baseOf))) {
      expect(stored.has(input) || inside.has(input), `${name} reads what is not stored yet`).toBe(true);
    }
    const writes = stores.some((node) => newValues.has(node));
    expect(writes || !commits, `${name} comes after states were written`).toBe(true);
    commits ||= writes;
    if (!writes) for (const node of stores) stored.add(node);
  }
}

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("a step with %s", (kind) => {
  test.each(Object.keys(GROUPED))(
    "has groups in order, and states that are read before they are stored, for %s",
    (name) => {
      fc.assert(
        fc.property(KINDS[kind], ({ graph, training }) => {
          const manager = new PassManager();
          const { capabilities } = GROUPED[name];
          // The manager verifies each stage.
          const lowered = lowerTraced(manager, graph, { capabilities, ...training });
          const fused = manager.stages().find((stage) => stage.name === "fuse")!.artifact;
          if (isGraph(fused)) requireOrder(fused);
          expect(lowered.kernels.length).toBeLessThanOrEqual(graph.nodes.length * 40 + 100);
        }),
        RUNS,
      );
    },
  );

  test.each(["interpret", "js", "wasm", "js with one output"])(
    "leaves what the references say on %s",
    async (name) => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(KINDS[kind], async (step) => {
          const whole = wholeStep(step);
          const outputs = [
            ...whole.outputs,
            ...whole.updates.map(({ target, value }) => ({ name: `@${target.name}`, value })),
          ];
          const results = await runGraph(step.graph, GROUPED[name], step.values, {
            ...step.training,
            winograd: false,
          });
          const expected = evaluateGraph(whole, step.values);
          compared += closeness({ ...whole, outputs }, results, expected);
          if (name === "interpret")
            for (const { name } of outputs) requireEqual(name, results[name], expected[name]);
        }),
        RUNS,
      );
      // Most states must be comparable, or the test would hold nothing.
      expect(compared).toBeGreaterThan(RUNS.numRuns / 2);
    },
  );
});

/** Both compute in double, in different orders, and numbers near 1 cancel; states are read as float32. */
function requireEqual(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  const largest = Array.from(expected)
    .filter(Number.isFinite)
    .reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  for (let k = 0; k < expected.length; k++) {
    if (
      Object.is(actual[k], expected[k]) ||
      Math.abs(actual[k] - expected[k]) <= (name.startsWith("@") ? 2 ** -23 : 1e-9) * largest
    )
      continue;
    throw new Error(`${name}[${k}] is ${actual[k]}, not ${expected[k]}`);
  }
}
