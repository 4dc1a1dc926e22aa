/** A schedule is data: its text reads back, in a kernel's head and by itself, and faults say where. */

import { describe, expect, test } from "vitest";
import { parseSchedule } from "../../src/loop/parse-schedule.ts";
import { printSchedule, type Schedule, type Step, sameSchedule } from "../../src/loop/schedule.ts";

const SPLIT = { loop: "i1", vectors: 2, lanes: 4, tail: "padded" } as const;

/** Each kind of step, with and without what may be absent. */
const STEPS: { readonly [Kind in Step["kind"]]: readonly Extract<Step, { kind: Kind }>[] } = {
  flatten: [{ kind: "flatten" }],
  "fuse-sum": [{ kind: "fuse-sum" }],
  reorder: [{ kind: "reorder", loops: ["i1", "ofs", "among_us"] }],
  "reorder-sum": [{ kind: "reorder-sum", loops: ["ky", "kx"] }],
  unroll: [{ kind: "unroll", loop: "i0", by: 8 }],
  "unroll-window": [{ kind: "unroll-window" }],
  vectorize: [
    { kind: "vectorize", ...SPLIT },
    { kind: "vectorize", ...SPLIT, tail: "shifted", section: 3 },
    { kind: "vectorize", ...SPLIT, tail: "peeled" },
  ],
  cache: [
    { kind: "cache", operand: "left", layout: [["n"], ["i2", "ky"], ["i3", "kx"]] },
    { kind: "cache", operand: "right", layout: [["ci"]], tiles: SPLIT },
    { kind: "cache", operand: "right", layout: [], tiles: SPLIT },
  ],
  clear: [{ kind: "clear", lanes: 16 }],
  statistics: [{ kind: "statistics", vectors: 4, lanes: 4 }],
  accumulate: [
    { kind: "accumulate", loop: "i1", lanes: 4 },
    { kind: "accumulate", loop: "i1", lanes: 4, over: "n" },
  ],
  compact: [
    { kind: "compact", operand: "left" },
    { kind: "compact", operand: "right", partialSums: true },
  ],
  winograd: [
    {
      kind: "winograd",
      over: "taps",
      outputs: [2, 4],
      taps: [5, 3],
      images: 4,
      groups: 2,
      rows: 3,
      vectors: 2,
      lanes: 16,
    },
  ],
  phases: [{ kind: "phases", loops: ["i2", "i3"] }],
  phase: [{ kind: "phase", number: 3 }],
  "join-phases": [{ kind: "join-phases" }],
  part: [{ kind: "part", name: "linear_2_panel1" }],
  "map-to-threads": [{ kind: "map-to-threads" }],
  parallelize: [{ kind: "parallelize", loops: ["i0", "block"], threads: 4 }],
};

describe("the text of a schedule", () => {
  test.each(Object.entries(STEPS))("%s reads back", (_kind, steps) => {
    for (const step of steps) expect(parseSchedule(printSchedule([step]))).toEqual([step]);
  });

  test("joins steps, and has a word for none", () => {
    const all: Schedule = Object.values(STEPS).flat();
    expect(parseSchedule(printSchedule(all))).toEqual(all);
    expect(printSchedule([])).toBe("plain");
    expect(parseSchedule("plain")).toEqual([]);
    expect(sameSchedule(all, parseSchedule(printSchedule(all)))).toBe(true);
    expect(sameSchedule(all, all.slice(1))).toBe(false);
  });

  test.each([
    ["vectorise i0 by 2x4 padded", /column 1: expected a step of a schedule/],
    ["unroll i0 by two", /column 14: expected a number/],
    ["unroll i0 by 2, unroll i1 by 2", /column 15: expected the end of the schedule/],
    ["vectorize i0 by 2x4", /column 20: expected a tail: padded, shifted or peeled/],
    ["cache middle as i0", /column 6: expected a factor: left or right/],
    ["winograd F(2x2) over places", /column 11: expected a form such as/],
    ["", /column 1: expected a step of a schedule/],
  ])("%j is a fault with its place", (text, message) => {
    expect(() => parseSchedule(text)).toThrow(message);
  });
});
