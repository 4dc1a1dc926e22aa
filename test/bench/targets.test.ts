/** Verdicts on the targets, from made-up measurements. */

import { expect, test } from "vitest";
import { isMet, renderVerdicts, verdicts } from "../../bench/src/targets.ts";
import { comparison, EQUAL, measured } from "./reports.ts";

const TRAINING = comparison(
  { task: "training", workload: "lenet5", batch: 8 },
  measured("kiln-wasm", "kiln", 0.5),
  measured("kiln-js", "kiln", 3),
  measured("pytorch", "native", 1.25),
  measured("jax-js", "javascript", 9),
  measured("tfjs-wasm", "javascript", 6),
  { peer: "convnetjs", missing: "no" },
);
const INFERENCE = comparison(
  { task: "inference", workload: "cifar10", batch: 1 },
  measured("kiln-wasm", "kiln", 1),
  measured("jax-js", "javascript", 0.5),
  measured("tfjs-wasm", "javascript", 1.5),
);

test("a factor that reaches its target is met, the best JavaScript peer is the fastest one", () => {
  const found = verdicts([TRAINING, INFERENCE]).filter(({ factor }) => factor !== undefined);
  expect(found.map((v) => [v.task, v.peer, v.factor, v.target, isMet(v)])).toEqual([
    ["training", "pytorch", 2.5, 2.5, true],
    ["training", "tfjs-wasm", 12, 14, false],
    ["inference", "tfjs-wasm", 1.5, 2, false],
  ]);
});

test("a peer that does other work is no measure", () => {
  const stray = measured("tfjs-wasm", "javascript", 1, { closeness: { ...EQUAL, changes: 1 } });
  const job = { task: "training", workload: "lenet5", batch: 1 } as const;
  const other = measured("jax-js", "javascript", 30);
  const found = verdicts([comparison(job, measured("kiln-wasm", "kiln", 1), stray, other)]);
  expect(found.filter(({ factor }) => factor !== undefined).map((v) => [v.peer, v.factor])).toEqual([
    ["jax-js", 30],
  ]);
});

test("what was not measured is neither met nor hidden", () => {
  const all = verdicts([]);
  expect(all).toHaveLength(21);
  expect(all.some(isMet)).toBe(false);
  expect(renderVerdicts([])).toContain("0 of 21 met, 21 not measured");
});

test("the table names peer, target and measurement", () => {
  const lines = renderVerdicts([TRAINING])
    .split("\n")
    .map((line) => line.trim().split(/\s{2,}/));
  const best = lines.find((cells) => cells.includes("the best JavaScript peer") && cells.includes("8"));
  expect(best).toEqual([
    "training",
    "lenet5",
    "8",
    "the best JavaScript peer",
    "tfjs-wasm",
    "14×",
    "12×",
    "no",
  ]);
});
