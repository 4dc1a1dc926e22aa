/** Threads over a program's life: the same bits in every process, nothing left behind, and a worker that is lost. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { compile, nn, randn } from "kiln-js";
import { expect, test, vi } from "vitest";
import type { BackendName } from "../../../backends/registry.ts";
import { WasmProgram } from "../../../backends/wasm/program.ts";
import { ThreadPool } from "../../../backends/wasm/threads/pool.ts";
import { ThreadLostError } from "../../../src/core/errors.ts";
import { isWhole } from "../../support/extent.ts";
import { dividedTraining } from "../../support/processes/training.ts";

/** `KILN_LONG_RUNS=1` looks for slow leaks; without it the runs are long enough for what a step or a program leaks. */
const LONG = process.env.KILN_LONG_RUNS !== undefined;
const STEPS = LONG ? 200 : 60;
const STEPS_IN_MEMORY = LONG ? 10_000 : 3_000;
const PROGRAMS = LONG ? 120 : 60;

const original = WasmProgram.prototype.run;

const SCRIPT = fileURLToPath(new URL("../../support/processes/training.ts", import.meta.url));

/** What a process of its own prints; it fails unless the process ends by itself, without an error. */
async function inProcess<T>(task: string, count: number): Promise<T> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--expose-gc", "--import", "tsx", SCRIPT, task, `${count}`],
    { timeout: 600_000 },
  );
  return JSON.parse(stdout) as T;
}

interface Held {
  readonly resident: number;
  readonly heap: number;
  readonly external: number;
}

interface Bits {
  readonly name: string;
  readonly threads: number;
  readonly loss: number;
  readonly parameters: number;
  readonly runs: readonly number[];
}

test.runIf(isWhole || LONG)(
  `${STEPS} deterministic steps give the same bytes on one, two and three threads, in two processes`,
  async () => {
    const [first, second] = [await inProcess<Bits[]>("bits", STEPS), await inProcess<Bits[]>("bits", STEPS)];
    for (const [k, { name, threads, loss, parameters, runs }] of first.entries()) {
      const alone = first.find((other) => other.name === name && other.threads === 1)!;
      expect({ name, loss, parameters }).toEqual({ name, loss: alone.loss, parameters: alone.parameters });
      expect(second[k].parameters).toBe(parameters);
      expect(runs).toHaveLength(threads - 1);
      // The last run may still be counted while the first thread goes on.
      for (const count of runs) expect(count).toBeGreaterThanOrEqual(STEPS - 1);
    }
  },
  600_000,
);

test("a process ends by itself, with workers and without disposing of anything", async () => {
  expect(await inProcess("leave", 5)).toMatchObject({ workers: 1 });
});

test.runIf(isWhole || LONG)(
  `${STEPS_IN_MEMORY} steps on two threads leave memory as it was`,
  async () => {
    const { before, after, workers, left } = await inProcess<{
      before: Held;
      after: Held;
      workers: number;
      left: number;
    }>("steps", STEPS_IN_MEMORY);
    expect(after.heap - before.heap).toBeLessThan(1);
    expect(after.external - before.external).toBeLessThan(1);
    // The engine's own allocations, such as what the optimizing compiler used, come and go.
    expect(after.resident - before.resident).toBeLessThan(30);
    expect([workers, left]).toEqual([1, 0]);
  },
  600_000,
);

test.runIf(isWhole || LONG)(
  `${PROGRAMS} programs, compiled and disposed of, leave memory and threads as they were`,
  async () => {
    const { before, after, left } = await inProcess<{ before: Held; after: Held; left: number }>(
      "programs",
      PROGRAMS,
    );
    expect(after.heap - before.heap).toBeLessThan(5);
    expect(after.external - before.external).toBeLessThan(1);
    expect(after.resident - before.resident).toBeLessThan(60);
    expect(left).toBe(0);
  },
  600_000,
);

test("a worker that is lost in mid-step rejects the step and leaves the parameters of the one before", async () => {
  const workers: Worker[] = [];
  const note = (worker: Worker): void => void workers.push(worker);
  process.on("worker", note);
  const { net, trainer, batch } = await dividedTraining();
  process.off("worker", note);
  expect(workers).toHaveLength(1);
  await trainer.step(...batch);
  const parameters = async () => Promise.all(net.parameters().map(async (p) => [...(await p.data())]));
  const before = await parameters();

  void workers[0].terminate();
  await expect(trainer.step(...batch)).rejects.toThrow(
    /^a thread was lost: .* in step 2; the parameters are those after step 1, and the next step starts new threads$/,
  );
  expect(await parameters()).toEqual(before);

  const loss = await trainer.step(...batch);
  expect(Number.isFinite(loss)).toBe(true);
  expect(await parameters()).not.toEqual(before);
  expect(ThreadPool.size).toBe(1);
  await trainer.dispose();
  expect(ThreadPool.size).toBe(0);
});

test("a worker that is lost while the update is written leaves a model that says so until it has other states", async () => {
  const { net, trainer, batch } = await dividedTraining();
  await trainer.step(...batch);
  const kept = Object.fromEntries(Object.entries(net.stateDict()).map(([name, t]) => [name, t.detach()]));
  const before = await Promise.all(Object.values(kept).map(async (t) => [...(await t.data())]));

  const run = vi.spyOn(WasmProgram.prototype, "run").mockImplementation(function (
    this: WasmProgram,
    from,
    ...rest
  ) {
    if (from > 0) throw new ThreadLostError("a thread was lost: it ended");
    return original.call(this, from, ...rest);
  });
  const halfWritten = /^a thread was lost: .* were written: .* load a checkpoint/;
  await expect(trainer.step(...batch)).rejects.toThrow(halfWritten);
  run.mockRestore();
  await expect(trainer.step(...batch)).rejects.toThrow(halfWritten);
  await expect([...net.parameters()][0].data()).rejects.toThrow(halfWritten);
  // What was referred to before the step is no part of it.
  expect(await Promise.all(Object.values(kept).map(async (t) => [...(await t.data())]))).toEqual(before);

  await net.loadStateDict(kept);
  expect(Number.isFinite(await trainer.step(...batch))).toBe(true);
  await trainer.dispose();
});

test("programs of one model share the workers, which end with the last of them", async () => {
  const { net, trainer } = await dividedTraining();
  const program = await compile(net, { inputs: [[64, 784]], backend: "wasm", threads: 3 });
  expect(ThreadPool.size).toBe(2);
  await trainer.dispose();
  expect(ThreadPool.size).toBe(2);
  expect((await program.run(randn(64, 784))).shape).toEqual([64, 10]);
  await program.dispose();
  expect(ThreadPool.size).toBe(0);
});

test("a program that needs more than WebAssembly addresses is one clear error, and leaves no workers", async () => {
  const net = new nn.Linear(1024, 1024);
  const tooLarge = compile(net, { inputs: [[600_000, 1024]], backend: "wasm", threads: 2 });
  await expect(tooLarge).rejects.toThrow(/needs 4\d{3} MB, and WebAssembly addresses 4096 MB at most/);
  expect(ThreadPool.size).toBe(0);
  const program = await compile(net, { inputs: [[2, 1024]], backend: "wasm", threads: 1 });
  expect((await program.run(randn(2, 1024))).shape).toEqual([2, 1024]);
});

test("a number of threads that are not available is one clear error", async () => {
  const net = new nn.Linear(2, 2);
  const compileOn = (backend: BackendName, threads: number) =>
    compile(net, { inputs: [[1, 2]], backend, threads });
  await expect(compileOn("js", 2)).rejects.toThrow(
    "the js backend runs on one thread, not on 2; the wasm backend has threads",
  );
  await expect(compileOn("wasm", 0)).rejects.toThrow("threads must be a whole number from 1 to 64, not 0");
  await expect(compileOn("wasm", 1.5)).rejects.toThrow(
    "threads must be a whole number from 1 to 64, not 1.5",
  );
});
