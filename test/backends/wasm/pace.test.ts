/** The choice between one thread and several, from made-up times. */

import { expect, test } from "vitest";
import { Pace } from "../../../backends/wasm/threads/pace.ts";

/** The share of `runs` that went to all threads when runs take so long. */
function shareTogether(pace: Pace, runs: number, together: number, alone: number): number {
  let count = 0;
  for (let k = 0; k < runs; k++) {
    const isTogether = pace.begin();
    if (isTogether) count++;
    pace.ended(isTogether ? together : alone);
  }
  return count / runs;
}

test("takes all threads where they are faster", () => {
  expect(shareTogether(new Pace(), 1000, 1, 1.8)).toBeGreaterThan(0.98);
});

test("takes one where waiting for the others costs more", () => {
  expect(shareTogether(new Pace(), 1000, 4, 1)).toBeLessThan(0.02);
});

test("tries again, and changes its mind when the machine is free", () => {
  const pace = new Pace();
  shareTogether(pace, 100, 1.3, 1);
  expect(shareTogether(pace, 4000, 0.6, 1)).toBeGreaterThan(0.8);
});

test("the first run of each kind, which warms up, does not count", () => {
  const pace = new Pace();
  expect(pace.begin()).toBe(true);
  pace.ended(1000);
  expect(shareTogether(pace, 500, 1, 2)).toBeGreaterThan(0.95);
});
