/** Random programs of views, changes in place, noGrad and detach mean what they mean to PyTorch. */

import { expect, test } from "vitest";
import cases from "../fixtures/random_programs.json" with { type: "json" };
import { requireEqual, training } from "../support/both-modes.ts";
import type { ProgramSpec } from "../support/random-program.ts";

test("gradients, parameters and buffers are PyTorch's, interactively and compiled by turns", async () => {
  expect(cases.length).toBeGreaterThan(50);
  for (const [k, { spec, expected }] of cases.entries()) {
    const found = await training(spec as ProgramSpec, k % 2 === 0 ? undefined : "interpret");
    const right = new Map(Object.entries(expected as Record<string, number[]>));
    // A shared parameter has one of its names there, and losses are told once.
    const own = new Map([...found].filter(([name]) => right.has(name) || name.startsWith("grad")));
    requireEqual(own, right, `program ${k}, ${JSON.stringify(spec)}`);
  }
});
