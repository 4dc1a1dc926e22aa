/** Kernels of random graphs and of all ops with their grid loops cut into vector loops: the bits must be those of the scalar code. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { allocate, type TypedArray } from "../../../src/core/dtype.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import { verifyKernel } from "../../../src/loop/verify.ts";
import { visitStatements } from "../../../src/loop/walk.ts";
import { OPS, opTable } from "../../../src/ops/registry.ts";
import { readState, writeState } from "../../../src/runtime/state/state-numbers.ts";
import { draw, generator } from "../../support/draw.ts";
import { oneIn, randomRuns } from "../../support/extent.ts";
import { type RandomGraph, randomConvNet, randomGraph, randomLoss } from "../../support/random-graph.ts";
import { planOf, type Values } from "../../support/run-graph.ts";
import { vectorise } from "./vectorise.ts";

/** Without multiply-adds that round once, which only vector code would have. */
const backend = createWasmBackend({ deterministic: true });
const RUNS = randomRuns("KILN_RANDOM_GRAPHS", 12, 60);

/** All outputs and states after one run. */
async function run(plan: ProgramPlan, values: Values): Promise<Record<string, TypedArray>> {
  const states = backend.createStateMemory();
  states.allocate(plan.states);
  for (const state of plan.states)
    if (values[state.name]) await writeState(states, state, values[state.name]);
  const program = await backend.compile(plan, states);
  for (const { name, buffer } of plan.inputs) await program.write(buffer, values[name]);
  await program.run(0, plan.kernels.length, new Float64Array(plan.scalars.length));
  const results: Record<string, TypedArray> = {};
  for (const { name, buffer, dtype, shape } of plan.outputs) {
    results[name] = allocate(dtype, sizeOf(shape));
    await program.read(buffer, results[name]);
  }
  for (const state of plan.states) results[`@${state.name}`] = await readState(states, state);
  return results;
}

const loopsOf = (plan: ProgramPlan): number => {
  let count = 0;
  for (const { body } of plan.kernels)
    visitStatements(body, (s) => {
      if (s.kind === "for" && s.loop === "vector") count++;
    });
  return count;
};

const SOURCES: readonly (readonly [string, fc.Arbitrary<RandomGraph>, boolean])[] = [
  ["graphs", randomGraph, false],
  ["losses and their gradients", randomLoss, true],
  ["convolutional nets and their gradients", randomConvNet, true],
];

describe.each(["outermost", "innermost"] as const)("the %s grid loops in lanes", (depth) => {
  test.each(SOURCES)("%s", async (_, source, differentiates) => {
    let loops = 0;
    await fc.assert(
      fc.asyncProperty(source, async ({ graph, values }) => {
        const names = graph.inputs.flatMap(({ role, name }) => (role === "state" ? [name] : []));
        const plan = planOf(graph, backend, {
          strategy: "plain",
          ...(differentiates && { gradientsFor: names }),
        });
        const cut = { ...plan, kernels: plan.kernels.map((kernel) => vectorise(kernel, depth)) };
        for (const kernel of cut.kernels) verifyKernel(kernel);
        loops += loopsOf(cut);
        expect(await run(cut, values)).toEqual(await run(plan, values));
      }),
      RUNS,
    );
    // Most graphs must have a loop of four turns, or the test would hold nothing.
    expect(loops).toBeGreaterThan(RUNS.numRuns / 2);
  });

  test("every op", async () => {
    let loops = 0;
    for (const [op, definition] of oneIn(6, Object.entries(OPS))) {
      for (const { inputs, attrs } of definition.samples()) {
        const b = new GraphBuilder(opTable);
        const operands = inputs.map((type, k) =>
          b.input("input", `x${k}`, { dtype: type.dtype, shape: type.shape }),
        );
        const graph = b.build(op, [{ name: "output", value: b.node(op, operands, attrs) }]);
        const random = generator(3);
        const values = Object.fromEntries(inputs.map((input, k) => [`x${k}`, draw(input, random)]));
        const plan = planOf(graph, backend, { strategy: "plain" });
        const cut = { ...plan, kernels: plan.kernels.map((kernel) => vectorise(kernel, depth)) };
        loops += loopsOf(cut);
        expect(await run(cut, values), op).toEqual(await run(plan, values));
      }
    }
    expect(loops).toBeGreaterThan(10);
  });
});
