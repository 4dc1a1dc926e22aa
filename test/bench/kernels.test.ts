/** `npm run kernels` runs, and tells contractions from what copies, prepares or updates. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const BENCH = fileURLToPath(new URL("../../bench/", import.meta.url));

test("every kernel of a step has a time, and those of two backends are compared", async () => {
  const options = ["--workloads", "mlp", "--batches", "1", "--backends", "js,wasm", "--seconds", "0.1"];
  const words = ["--import", "tsx", "src/kernels.ts", ...options];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: BENCH });
  for (const backend of ["js", "wasm"]) expect(stdout).toContain(`kernels of ${backend}, one at a time`);
  const totals = [...stdout.matchAll(/ms in all; contractions execute ([\d.]+) GFLOP\/s/g)];
  expect(totals).toHaveLength(2);
  for (const [, rate] of totals) expect(Number(rate)).toBeGreaterThan(0);
  // Time, share of the step, GFLOP/s executed and dense, share of the roofline.
  expect(stdout).toMatch(/linear\S* +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ +\d+ % .*vectorize/);
});
