/** `kiln bench`: what it prints and writes; never how long anything took. */

import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
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
    expect(
      stdout.match(/^ {2}difference: at most [\d.]+e-\d \(.* of kernel \w+\), which is rounding$/gm),
    ).toHaveLength(2);
    expect(
      stdout.match(/^ {2}memory: [\d.]+ kB arena .*, [\d.]+ kB parameters and other states$/gm),
    ).toHaveLength(2);
    expect(stdout).toMatch(/^ {2}kernel +ms +share +expected +GFLOP\/s +dense +schedule +at$/m);
    expect(stdout).toMatch(/^ {2}linear +[\d.]+ +[\d.]+ % +[\d.]+ % .*unroll i0 by 4; .*bars\.ts:\d+/m);
  });

  it("writes JSON, for another batch and the forward pass, without the code", async () => {
    const args = ["--mode", "forward", "--batch-size", "3", "--backends", "js", "--seconds", "0.1", "--json"];
    const { code, stdout } = await kiln(["bench", MODEL, ...args]);
    expect(code).toBe(0);
    const { mode, batchSize, results } = JSON.parse(stdout);
    expect([mode, batchSize]).toEqual(["forward", 3]);
    expect(results).toHaveLength(1);
    const [{ backend, milliseconds, kernels, memory, compileMilliseconds, difference }] = results;
    expect(memory.arenaBytes).toBeGreaterThan(0);
    expect(compileMilliseconds).toBeGreaterThan(0);
    expect(difference).toMatchObject({ checked: true, batchSize: 3, first: null });
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

  it("compares several batches, without the oracle, and writes a page into a new folder", async () => {
    const chart = join(folder, "new", "bars.html");
    const args = ["--backends", "js,gpujs:cpu", "--seconds", "0.05", "--batch-size", "1,5", "--no-verify"];
    const { code, stdout, stderr } = await kiln(["bench", MODEL, ...args, "--chart", chart]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(
      stdout.match(/^.*bars\.ts, training step, batch \d+$/gm)?.map((line) => line.split(" ").at(-1)),
    ).toEqual(["1", "5"]);
    expect(stdout.match(/^gpujs:cpu: /gm)).toHaveLength(2);
    expect(
      stdout.match(/^ {2}difference: not compared with the oracle: it was not asked for$/gm),
    ).toHaveLength(4);
    expect(stdout.endsWith(`\nwrote ${chart}\n`)).toBe(true);
    const page = readFileSync(chart, "utf8");
    expect(page).toMatch(/<h2>Training step, batch 1<\/h2>[\s\S]*<h2>Training step, batch 5<\/h2>/);
    expect(page).not.toContain("<script");
    expect(readdirSync(join(folder, "new"))).toEqual(["bars.html"]);
  });

  it("writes a chart beside JSON, which is a list for several batches", async () => {
    const chart = join(folder, "bars.svg");
    const args = [
      "--backends",
      "js",
      "--seconds",
      "0.05",
      "--batch-size",
      "2,3",
      "--mode",
      "forward",
      "--json",
    ];
    const { code, stdout } = await kiln(["bench", MODEL, ...args, "--chart", chart]);
    expect(code).toBe(0);
    const list = JSON.parse(stdout) as readonly { readonly batchSize: number; readonly model: string }[];
    expect(list.map(({ batchSize }) => batchSize)).toEqual([2, 3]);
    expect(list[0].model).toMatch(/bars\.ts$/);
    expect(readFileSync(chart, "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  it("shows a file's name as text, whatever it is", async () => {
    const name = "<b onclick='x()'>&.ts";
    writeAll(folder, { [name]: barModel() });
    const chart = join(folder, "named.html");
    const args = ["--backends", "js", "--seconds", "0.05", "--mode", "forward", "--chart", chart];
    expect((await kiln(["bench", join(folder, name), ...args])).code).toBe(0);
    const page = readFileSync(chart, "utf8");
    expect(page).toContain("&lt;b onclick=&#39;x()&#39;&gt;&amp;.ts");
    expect(page).not.toContain("<b ");
  });

  it("says what is wrong with a chart's place before anything is measured", async () => {
    const chart = join(folder, "a-folder.svg");
    mkdirSync(chart);
    const args = ["--backends", "js", "--seconds", "0.05", "--no-verify", "--chart", chart];
    const { code, stdout, stderr } = await kiln(["bench", MODEL, ...args]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^kiln: cannot write .*a-folder\.svg: it is a folder, not a file\n$/);
  });

  it.each([
    [
      ["--batch-size", "4,x"],
      /--batch-size must be a whole number of at least 1, or several such as 1,8,64, not "4,x"/,
    ],
    [["--batch-size", "0"], /--batch-size must be a whole number/],
    [["--batch-size", "4,4"], /--batch-size names a size twice/],
    [["--threads", "0"], /--threads must be a whole number of at least 1/],
    [["--backends", "js", "--threads", "2"], /thread/],
    [["--backends", "gpujs:webgl2"], /the backend gpujs:webgl2 cannot run here: it needs a browser/],
    [["--chart", "bars.png"], /--chart must name a file that ends in \.svg or \.html, not "bars\.png"/],
    [["--chart", "svg"], /--chart must name a file that ends in \.svg or \.html, not "svg"/],
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
