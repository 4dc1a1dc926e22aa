/** `kiln bench`: what it prints and writes; never how long anything took. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { barModel, kiln, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();
writeAll(folder, { "bars.ts": barModel() });
const MODEL = join(folder, "bars.ts");

describe("kiln bench", () => {
  it("shows a step of each backend and every kernel with its line, schedule and speed", async () => {
    const { code, stdout, stderr } = await kiln([
      "bench",
      MODEL,
      "--backends",
      "js,wasm",
      "--seconds",
      "0.2",
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^.*bars\.ts, training step, batch 16\n/);
    expect(stdout).toMatch(/^js: [\d.]+ ms \(median of \d+; compiled in \d+ ms\)$/m);
    expect(stdout).toMatch(/^wasm: [\d.]+ ms, [\d.]+ × js \(median of/m);
    expect(stdout).toMatch(/^ {2}kernel +ms +share +expected +GFLOP\/s +dense +schedule +at$/m);
    expect(stdout).toMatch(/^ {2}linear +[\d.]+ +[\d.]+ % +[\d.]+ % .*register-tile .*bars\.ts:\d+/m);
  });

  it("writes JSON, for another batch and the forward pass, without the code", async () => {
    const args = ["--mode", "forward", "--batch-size", "3", "--backends", "js", "--seconds", "0.1", "--json"];
    const { code, stdout } = await kiln(["bench", MODEL, ...args]);
    expect(code).toBe(0);
    const { mode, batchSize, results } = JSON.parse(stdout);
    expect([mode, batchSize]).toEqual(["forward", 3]);
    expect(results).toHaveLength(1);
    const [{ backend, milliseconds, kernels }] = results;
    expect(backend).toBe("js");
    expect(milliseconds).toBeGreaterThan(0);
    expect(kernels.length).toBeGreaterThan(0);
    for (const kernel of kernels) {
      expect(Object.keys(kernel)).toEqual(
        expect.arrayContaining(["name", "milliseconds", "gflops", "estimate"]),
      );
      expect(kernel).not.toHaveProperty("source");
    }
  });

  it("tunes, and keeps what it finds in KILN_CACHE", async () => {
    const cache = join(folder, "cache");
    process.env.KILN_CACHE = cache;
    const args = ["--mode", "forward", "--backends", "js", "--seconds", "0.1", "--tune", "--tune-time", "60"];
    const { code, stdout, stderr } = await kiln(["bench", MODEL, ...args]).finally(() => {
      delete process.env.KILN_CACHE;
    });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ {2}tuned: [1-9]\d* kernels measured now, 0 known before, 0 left for want of time;/m,
    );
    expect(existsSync(join(cache, "choices-1.json"))).toBe(true);
  });

  it.each([
    [["--backends", "js,js"], /--backends names a backend twice/],
    [["--backends", "jss"], /there is no backend "jss"/],
    [["--tune-time", "3"], /--tune-time needs --tune/],
    [["--seconds", "0"], /--seconds must be a positive number/],
  ])("says what is wrong with %j", async (args, message) => {
    const { code, stderr } = await kiln(["bench", MODEL, ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});
