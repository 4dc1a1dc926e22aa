/** The three phases of a training step: what the model computes, its gradients, and what the optimizer adds. */

import { expect, test } from "vitest";
import { durationText } from "../../src/core/figures-text.ts";
import { moduleOf } from "../../src/core/origin.ts";
import { phasesOf } from "../../src/explore/phases.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { valueNames } from "../../src/ir/print.ts";
import { opTable } from "../../src/ops/registry.ts";

const TRACED = `graph net(%x: f32[4]) params(@w: f32[4]) {
  %0: f32[4] = mul(%x, @w)
  %1: f32[] = sum(%0) {axes=[0], keepdim=false}
  return loss=%1
}`;

const STEP = `graph net(%x: f32[4]) params(@w: f32[4]) scalars($lr: f32[]) {
  %0: f32[4] = mul(%x, @w)
  %1: f32[] = sum(%0) {axes=[0], keepdim=false}
  %2: f32[4] = neg(%x)
  %3: f32[4] = mul(%2, $lr)
  %4: f32[4] = add(@w, %3)
  return loss=%1
  update @w = %4
}`;

test("the forward pass computes the model's outputs, the update depends on the optimizer's numbers", () => {
  const graph = parseGraph(STEP, opTable);
  const names = valueNames(graph);
  const phases = [...phasesOf(graph, parseGraph(TRACED, opTable))].map(([node, phase]) => [
    names.get(node),
    phase,
  ]);
  expect(Object.fromEntries(phases)).toEqual({
    ...{ "%0": "forward", "%1": "forward", "%2": "backward", "%3": "update", "%4": "update" },
  });
});

test("what comes from several modules belongs to the module that contains them", () => {
  const of = (...modules: string[]): string =>
    moduleOf(modules.map((module) => ({ file: "", line: 0, module })));
  expect(of("conv1", "")).toBe("conv1");
  expect(of("layer1.0.conv1", "layer1.0.bn1", "layer1")).toBe("layer1.0");
  expect(of("layer1.0", "layer10.0")).toBe("");
  expect(of("", "")).toBe("");
  expect(of()).toBe("");
});

test("durations are written in a suitable unit", () => {
  expect([0.0312, 0.9996, 84.66, 999.6, 2670, 100_000, 3_599_600].map(durationText)).toEqual([
    ...["31.2 µs", "1.00 ms", "84.7 ms", "1.00 s", "2.67 s", "1 min 40 s", "60 min 0 s"],
  ]);
});
