/** The `kiln` command with `--backend c`: what it trains, shows and measures, as an installed package does. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { unpacked } from "../../src/explore/packed.ts";
import { isHere, title } from "../backends/c/toolchain.ts";
import { barModel, kiln, smallMnist, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();
writeAll(folder, { ...smallMnist("mnist", 40, 20), "bars.ts": barModel() });

async function told(...args: string[]): Promise<string> {
  const env = { KILN_CACHE: join(folder, "cache") };
  const { code, stdout, stderr } = await kiln(args, { cwd: folder, env });
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

describe.skipIf(!isHere)(title("kiln"), () => {
  it("lists the compiler, lanes and threads", async () => {
    expect(await told("backends")).toMatch(
      /^c +yes +\S+ \(.*\d+\.\d+.*\), \d+ lanes, (one thread|\d+ threads)$/m,
    );
  });

  it("trains to the accuracy that wasm comes to", async () => {
    const args = ["train", "bars.ts", "--data", "mnist", "--epochs", "4", "--out"];
    const [c, wasm] = [
      await told(...args, "c", "--backend", "c"),
      await told(...args, "wasm", "--backend", "wasm"),
    ];
    const end = /test accuracy [\d.]+ % after 4 epochs/;
    expect(end.exec(c)?.[0]).toBe(end.exec(wasm)?.[0]);
    expect(existsSync(join(folder, "c", "model.safetensors"))).toBe(true);
  });

  it("shows the C code of all kernels, and of one", async () => {
    const source = await told("dump", "bars.ts", "--backend", "c", "--stage", "source");
    expect(source).toMatch(/^static void kernel_linear_on\(const float \*restrict/m);
    const story = await told("dump", "bars.ts", "--backend", "c", "--kernel", "linear");
    expect(story).toMatch(/^static void kernel_linear_on\(const float \*restrict/m);
  });

  it("goes on from a dump", async () => {
    const schedule = await told("dump", "bars.ts", "--backend", "c", "--stage", "schedule");
    writeAll(folder, { "schedule.ir": schedule });
    const source = await told("dump", "--from", "schedule.ir", "--backend", "c", "--stage", "source");
    expect(source).toMatch(/^static void kernel_linear_on\(/m);
  });

  it("explores", async () => {
    await told(
      "explore",
      "bars.ts",
      "--backends",
      "c",
      "--seconds",
      "0.1",
      "--no-open",
      "--out",
      "page.html",
    );
    const html = readFileSync(join(folder, "page.html"), "utf8");
    const data = await unpacked(/id="data">([^<]*)</.exec(html)![1]);
    expect(JSON.stringify(data.documents)).toContain("static void kernel_linear_on(");
  });

  it("measures kernel by kernel, and holds what each stores against the oracle", async () => {
    const text = await told("bench", "bars.ts", "--backends", "c,wasm", "--seconds", "0.1");
    expect(text).toMatch(/^c: [\d.]+ ms \(median of \d+; compiled in \d+ ms\)$/m);
    expect(text.match(/^ {2}difference: at most .*, which is rounding$/gm)).toHaveLength(2);
  });
});
