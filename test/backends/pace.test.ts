/** The choice between one thread and several, from made-up times. */

import { expect, test } from "vitest";
import { Pace } from "../../backends/pace.ts";

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
  expect(shareTogether(new Pace(), 2000, 1, 1.8)).toBeGreaterThan(0.98);
});

test("takes one where waiting for the others costs more", () => {
  expect(shareTogether(new Pace(), 5000, 4, 1)).toBeLessThan(0.02);
});

test("changes its mind when the machine has become free", () => {
  const pace = new Pace();
  shareTogether(pace, 500, 1.3, 1);
  expect(shareTogether(pace, 5000, 0.6, 1)).toBeGreaterThan(0.8);
});

test("changes its mind soon when the machine has become busy", () => {
  const pace = new Pace();
  shareTogether(pace, 5000, 0.6, 1);
  expect(shareTogether(pace, 200, 5, 1.2)).toBeLessThan(0.1);
});

test("first runs, in which the engine compiles, do not count", () => {
  const pace = new Pace();
  shareTogether(pace, 16, 50, 10);
  expect(shareTogether(pace, 1000, 1, 2)).toBeGreaterThan(0.95);
});

test("single slow runs do not count either", () => {
  const pace = new Pace();
  let together = 0;
  for (let k = 0; k < 2000; k++) {
    const isTogether = pace.begin();
    if (isTogether) together++;
    const hiccup = k % 3 === 0 ? 20 : 0;
    pace.ended((isTogether ? 1 : 1.8) + hiccup);
  }
  expect(together).toBeGreaterThan(1900);
});

test("threads that have to wake up first are measured when they are awake", () => {
  const pace = new Pace();
  shareTogether(pace, 500, 1, 0.2);
  let [before, together] = [false, 0];
  for (let k = 0; k < 4000; k++) {
    const isTogether = pace.begin();
    if (isTogether) together++;
    // After a run of the caller alone the others sleep.
    pace.ended(isTogether ? (before ? 0.11 : 0.25) : 0.2);
    before = isTogether;
  }
  expect(together).toBeGreaterThan(3000);
});

test("comes back soon when a busy moment has passed", () => {
  const pace = new Pace();
  shareTogether(pace, 5000, 0.6, 1);
  shareTogether(pace, 20, 5, 1.2);
  expect(shareTogether(pace, 1000, 0.6, 1)).toBeGreaterThan(0.9);
});
