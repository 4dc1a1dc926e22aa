/** The memory plan: buffers that live at the same time never overlap, and sharing saves memory. */

import { expect, test } from "vitest";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import { lenetForward, lenetTraining, stagesOf } from "../../support/stages.ts";

test.each([
  ["forward", lenetForward(8)],
  ["training", lenetTraining(8)],
])("LeNet's %s plan is sound", (_, source) => {
  const plan = stagesOf(source).artifacts.get("plan-memory") as ProgramPlan;
  const { placements, kernels } = plan;
  for (const [k, a] of placements.entries()) {
    expect(a.byteOffset % 64).toBe(0);
    expect(a.byteOffset + a.byteLength).toBeLessThanOrEqual(plan.arenaBytes);
    kernels.forEach((kernel, at) => {
      if (kernel.buffers.some((b) => b.name === a.buffer)) {
        expect(at).toBeGreaterThanOrEqual(a.first);
        expect(at).toBeLessThanOrEqual(a.last);
      }
    });
    for (const b of placements.slice(k + 1)) {
      const together = a.first <= b.last && b.first <= a.last;
      const apart =
        a.byteOffset + a.byteLength <= b.byteOffset || b.byteOffset + b.byteLength <= a.byteOffset;
      expect(!together || apart, `${a.buffer} and ${b.buffer}`).toBe(true);
    }
  }
  expect(plan.arenaBytes).toBeLessThan(placements.reduce((sum, p) => sum + p.byteLength, 0));
});

test("kernels that commit the step come last, behind everything that reads the parameters", () => {
  const plan = stagesOf(lenetTraining(8)).artifacts.get("plan-memory") as ProgramPlan;
  expect(plan.kernels.slice(plan.commitFrom).map((k) => k.name)).toEqual(["update"]);
  const states = new Set(plan.states.map((s) => s.buffer));
  for (const kernel of plan.kernels.slice(0, plan.commitFrom)) {
    for (const b of kernel.buffers) if (states.has(b.name)) expect(b.access).toBe("read");
  }
});
