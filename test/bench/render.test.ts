/** A comparison as text: ratios, rates, and everything a reader must be told. */

import { describe, expect, test } from "vitest";
import { renderComparison, strays } from "../../bench/src/render.ts";
import { chosen } from "../../bench/src/report.ts";
import { comparison, EQUAL, measured, report } from "./reports.ts";

const JOB = { task: "training", workload: "lenet5", batch: 8 } as const;
// 2 MFLOP in 0.1 ms are 20 GFLOP/s: half of a peak of 40, and a quarter of that of two threads.
const KILN = measured("kiln-wasm", "kiln", 0.1, { rounds: [0.09, 0.1, 0.12] });
const TORCH = measured("pytorch", "native", 0.25, {
  details: { blas: "MKL", threads: 2, "compile ms": 7 },
  closeness: { ...EQUAL, losses: 1e-7, tensors: 2e-7, changes: 3e-5 },
});
const STRAY = measured("tfjs-cpu", "javascript", 50, { closeness: { ...EQUAL, changes: 0.2 } });
const { machine } = report();

const lines = (text: string): string[] =>
  text.split("\n").map((line) => line.trim().replace(/\s{2,}/g, " | "));

describe("a comparison", () => {
  test("shows ratios to the first peer, nominal rates and shares of the peak", () => {
    const shown = lines(renderComparison(comparison(JOB, KILN, TORCH), machine, new Map()));
    expect(shown.slice(0, 4)).toEqual([
      "lenet5, batch 8, training (2.00 MFLOP a step)",
      "peer | ms/step | rounds | ÷ kiln-wasm | GFLOP/s | of peak | losses | parameters | … of change",
      "kiln-wasm | 0.100 | 0.0900 – 0.120 | 1.0× | 20 | 50 % | 0e+0 | 0e+0 | 0e+0",
      "pytorch | 0.250 | 0.250 – 0.250 | 2.5× | 8.0 | 10.0 % | 1e-7 | 2e-7 | 3e-5",
    ]);
    expect(shown).toContain("pytorch is pytorch 1.0 (blas MKL, threads 2)");
  });

  test("names missing peers with their reason, and tells nothing twice", () => {
    const told = new Map<string, string>();
    const missing = comparison(JOB, KILN, { peer: "jax-js", missing: "no such module" });
    expect(renderComparison(missing, machine, told)).toContain("jax-js is missing: no such module");
    expect(renderComparison(missing, machine, told)).not.toContain("jax-js");
  });

  test("marks a peer that does other work, and a busy machine", () => {
    const busy = { ...comparison(JOB, KILN, STRAY), otherLoad: 0.4 };
    expect(strays(busy).map(({ peer }) => peer)).toEqual(["tfjs-cpu"]);
    const text = renderComparison(busy, machine, new Map());
    expect(text).toContain("tfjs-cpu does other work: fc1.weight differs most");
    expect(text).toContain("40 % busy");
  });

  test("without any figures is still told", () => {
    const nothing = comparison(JOB, { peer: "pytorch", missing: "no Python" });
    expect(lines(renderComparison(nothing, machine, new Map()))).toEqual([
      "lenet5, batch 8, training (2.00 MFLOP a step)",
      "pytorch is missing: no Python",
    ]);
  });

  test("can be chosen from a report by task, workload, batch and peer", () => {
    const whole = report(comparison(JOB, KILN, TORCH), comparison({ ...JOB, task: "inference" }, KILN));
    expect(chosen(whole, {}).results).toEqual(whole.results);
    expect(chosen(whole, { tasks: ["inference"] }).results).toEqual([whole.results[1]]);
    expect(chosen(whole, { batches: [1] }).results).toEqual([]);
    expect(chosen(whole, { peers: ["pytorch"] }).results[0].peers).toEqual([TORCH]);
  });
});
