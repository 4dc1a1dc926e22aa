/** Tiles: lanes where there is work for them, scalar blocks where packing for lanes would cost more than it brings. */

import { compile, nn } from "kiln";
import { expect, test } from "vitest";
import { parseSchedule } from "../../../src/loop/parse-schedule.ts";

const stepsOf = async (batch: number, inputs: number, outputs: number) => {
  const options = { inputs: [[batch, inputs]], backend: "wasm", threads: 1 } as const;
  const program = await compile(new nn.Linear(inputs, outputs), options);
  return program.kernels.map(({ schedule }) => parseSchedule(schedule ?? "").map(({ kind }) => kind));
};

test.each([
  [1, 6, 3],
  [2, 2, 3],
  [4, 6, 2],
])("a linear layer of %i × %i → %i is one kernel without lanes", async (batch, inputs, outputs) => {
  const steps = await stepsOf(batch, inputs, outputs);
  expect(steps).toHaveLength(1);
  expect(steps[0]).not.toContain("vectorize");
});

test("one of 64 × 128 → 64 is packed once and runs in lanes", async () => {
  const steps = await stepsOf(64, 128, 64);
  expect(steps).toHaveLength(2);
  expect(steps[1]).toEqual(expect.arrayContaining(["cache", "vectorize", "unroll"]));
});
