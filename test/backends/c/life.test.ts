/** Programs of the `c` backend over the life of a process: what they leave behind, and processes that are killed or run side by side. */

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compile, compileTraining, manualSeed, nn, optim, rand, randn, type Tensor } from "kiln-js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createCBackend } from "../../../backends/c/backend.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Value } from "../../../src/ir/types.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { isWhole } from "../../support/extent.ts";
import { planOf } from "../../support/run-graph.ts";
import { isHere, title } from "./toolchain.ts";

const SCRIPT = fileURLToPath(new URL("../../support/processes/c-programs.ts", import.meta.url));
const ARGUMENTS = ["--expose-gc", "--import", "tsx", SCRIPT];

/** `KILN_LONG_RUNS=1` looks for slow leaks; without it the runs are long enough for what a step or a program leaks. */
const LONG = process.env.KILN_LONG_RUNS !== undefined;
const PROGRAMS = { count: LONG ? 300 : 150, different: LONG ? 300 : 6 };
const STEPS = LONG ? 100_000 : 5_000;

/** What is read of a process stands in files that only Linux has. */
const isLinux = process.platform === "linux";

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "kiln-c-"));
  vi.stubEnv("KILN_CACHE", cache);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true, force: true });
});

const libraries = async (): Promise<string[]> =>
  (await readdir(join(cache, "c")).catch(() => [])).filter((name) => name.endsWith(".so"));

const isBuilding = async (): Promise<boolean> =>
  (await readdir(join(cache, "c")).catch(() => [])).some((name) => name.startsWith("build-"));

interface Held {
  readonly resident: number;
  readonly heap: number;
  readonly buffers: number;
  readonly threads: number;
  readonly mapped: number;
}

async function inProcess<T>(...task: (string | number)[]): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [...ARGUMENTS, ...task.map(String)]);
  return JSON.parse(stdout) as T;
}

describe.skipIf(!isHere)(title("a process"), () => {
  test.runIf(isLinux && (isWhole || LONG))(
    `keeps nothing of ${PROGRAMS.count} programs that it has disposed of`,
    async () => {
      const { count, different } = PROGRAMS;
      const { before, after } = await inProcess<{ before: Held; after: Held }>("programs", count, different);
      expect(after.mapped).toBe(before.mapped);
      expect(after.threads).toBe(before.threads);
      expect(after.buffers - before.buffers).toBeLessThan(100_000);
      expect(after.heap - before.heap).toBeLessThan(count * 20_000);
      expect(after.resident - before.resident).toBeLessThan(40 * 2 ** 20);
    },
    1_800_000,
  );

  test.runIf(isLinux && (isWhole || LONG))(
    `has as much memory after ${STEPS} steps as before`,
    async () => {
      const { before, after } = await inProcess<{ before: Held; after: Held }>("steps", STEPS);
      expect(after.heap - before.heap).toBeLessThan(2 ** 20);
      expect(after.buffers - before.buffers).toBeLessThan(100_000);
      expect(after.resident - before.resident).toBeLessThan(20 * 2 ** 20);
      expect(after.threads).toBe(before.threads);
    },
    1_800_000,
  );

  test("that is killed while it builds leaves a cache that works", async () => {
    const killed = spawn(process.execPath, [...ARGUMENTS, "build"], { stdio: "ignore" });
    const ended = new Promise((resolve) => killed.on("exit", resolve));
    await vi.waitUntil(isBuilding, { timeout: 60_000, interval: 1 });
    killed.kill("SIGKILL");
    await ended;
    expect(await inProcess("build")).toEqual({ length: 256 });
  });

  test("may build what another one builds at the same time", async () => {
    await rm(join(cache, "c"), { recursive: true, force: true });
    const both = await Promise.all([inProcess("build"), inProcess("build")]);
    expect(both).toEqual([{ length: 256 }, { length: 256 }]);
    // The runtime's library and the program's.
    expect(await libraries()).toHaveLength(2);
    expect(await isBuilding()).toBe(false);
  });

  test("may dispose of a program in mid-run", async () => {
    const net = new nn.Linear(1500, 1500);
    const program = await compile(net, { inputs: [[600, 1500]], backend: "c", threads: 2 });
    const x = rand(600, 1500);
    const first = await (await program.run(x)).data();
    const running = program.run(x);
    await program.dispose();
    expect(await (await running).data()).toEqual(first);
    await expect(program.run(x)).rejects.toThrow(/disposed/);
  });

  test("keeps a program that is disposed of in mid-run until the run has ended", async () => {
    const backend = createCBackend({ threads: 1 });
    const b = new GraphBuilder(opTable);
    const x = b.input("input", "x", { dtype: "float32", shape: [400, 400] });
    let product: Value = x;
    for (let k = 0; k < 12; k++)
      product = b.node("matmul", [product, x], { transposeA: false, transposeB: false });
    const plan = planOf(b.build("powers", [{ name: "output", value: product }]), backend);
    const states = backend.createStateMemory();
    states.allocate([]);
    const program = await backend.compile(plan, states);
    await program.run(0, plan.kernels.length, new Float64Array());
    const running = program.run(0, plan.kernels.length, new Float64Array());
    // Long runs are on a thread of their own.
    expect(running).toBeInstanceOf(Promise);
    program.dispose();
    await running;
  });

  test("runs many programs at once, with the bits that each has alone", async () => {
    const extents = [3, 40, 5, 300, 7, 200];
    const alone: unknown[] = [];
    for (const extent of extents) alone.push(await trained(await drawn(extent)));
    const all: Drawn[] = [];
    for (const extent of extents) all.push(await drawn(extent));
    for (const [k, found] of (await Promise.all(all.map(trained))).entries()) expect(found).toEqual(alone[k]);
  });
});

interface Drawn {
  readonly net: nn.Module & { forward(x: Tensor): Tensor };
  readonly x: Tensor;
  readonly y: Tensor;
}

/** A net and a batch, whose numbers have been drawn and not only asked for. */
async function drawn(extent: number): Promise<Drawn> {
  manualSeed(extent);
  const net = new nn.Sequential(
    new nn.Linear(extent, 3 * extent),
    new nn.Tanh(),
    new nn.Linear(3 * extent, 5),
  );
  const [x, y] = [randn(16, extent), randn(16, 5)];
  for (const t of [...net.parameters(), x, y]) await t.data();
  return { net, x, y };
}

/** The losses of some steps, and the parameters after them. */
async function trained({ net, x, y }: Drawn): Promise<readonly ArrayLike<number>[]> {
  const trainer = await compileTraining(net, {
    inputs: [x.shape],
    loss: new nn.MSELoss(),
    optimizer: new optim.Adam(net.parameters()),
    backend: "c",
    threads: 2,
  });
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) losses.push(await trainer.step(x, y));
  await trainer.dispose();
  return [losses, ...(await Promise.all(net.parameters().map((p) => p.data())))];
}
