/** A separate program that trains and prints the results, for tests of whole processes. */

import { compileTraining, manualSeed, nn, optim, randn, tensor } from "kiln-js";
import { ThreadPool } from "../../../backends/wasm/threads/pool.ts";

import { Cifar10Net, LeNet } from "../nets.ts";

const collect = (globalThis as { gc?: () => void }).gc ?? (() => undefined);

/** An MLP whose step is worth two threads, and one batch for it. */
export async function dividedTraining(threads = 2) {
  const net = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, {
    inputs: [[16, 784]],
    loss,
    optimizer,
    backend: "wasm",
    threads,
  });
  const batch = [randn(16, 784), tensor(Int32Array.from({ length: 16 }, (_, k) => k % 10))] as const;
  return { net, trainer, batch };
}

const MEGABYTE = 2 ** 20;

/**
 * The memory that the process holds, in megabytes; memory of ended threads and finalizers is freed between collections.
 */
async function held(): Promise<{
  readonly resident: number;
  readonly heap: number;
  readonly external: number;
}> {
  for (let k = 0; k < 3; k++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    resident: rss / MEGABYTE,
    heap: heapUsed / MEGABYTE,
    external: (external + arrayBuffers) / MEGABYTE,
  };
}

/** The bits of all parameters, as one number. */
async function fingerprint(net: nn.Module): Promise<number> {
  let hash = 0;
  for (const parameter of net.parameters()) {
    const { buffer } = (await parameter.data()).slice();
    for (const word of new Uint32Array(buffer)) hash = (Math.imul(hash, 31) + word) | 0;
  }
  return hash;
}

/** Makes steps from the same parameters, on random batches that are the same in every process. */
async function trained(net: nn.Module, shape: readonly number[], threads: number, steps: number) {
  const trainer = await compileTraining(net, {
    inputs: [shape],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.01, momentum: 0.9 }),
    backend: "wasm",
    deterministic: true,
    threads,
  });
  const x = randn(...shape);
  const y = tensor(Int32Array.from({ length: shape[0] }, (_, k) => k % 10));
  let loss = 0;
  for (let k = 0; k < steps; k++) loss = await trainer.step(x, y);
  const result = { threads, loss, parameters: await fingerprint(net), runs: ThreadPool.runs };
  await trainer.dispose();
  return result;
}

const TASKS: Readonly<Record<string, (count: number) => Promise<object>>> = {
  /** LeNet and the CIFAR-10 net on one, two and three threads. */
  async bits(count) {
    const results: object[] = [];
    for (const threads of [1, 2, 3]) {
      for (const [name, Net, shape] of [
        ["lenet", LeNet, [8, 1, 32, 32]],
        ["cifar10", Cifar10Net, [8, 3, 32, 32]],
      ] as const) {
        manualSeed(3);
        results.push({ name, ...(await trained(new Net(), shape, threads, count)) });
      }
    }
    return results;
  },
  /** Ends without disposing of anything. */
  async leave(count) {
    const { trainer, batch } = await dividedTraining();
    for (let k = 0; k < count; k++) await trainer.step(...batch);
    return { workers: ThreadPool.size, runs: ThreadPool.runs };
  },
  /** Makes so many steps on two threads. */
  async steps(count) {
    const { trainer, batch } = await dividedTraining();
    for (let k = 0; k < 500; k++) await trainer.step(...batch);
    const before = await held();
    for (let k = 0; k < count; k++) await trainer.step(...batch);
    const after = await held();
    const workers = ThreadPool.size;
    await trainer.dispose();
    return { before, after, workers, left: ThreadPool.size };
  },
  /** Compiles so many programs, one after another, makes a step with each and disposes of it. */
  async programs(count) {
    const one = async (): Promise<void> => {
      const { trainer, batch } = await dividedTraining();
      await trainer.step(...batch);
      await trainer.dispose();
      // Ended threads and collected memory are freed between turns of the event loop.
      await new Promise((resolve) => setTimeout(resolve, 1));
    };
    // The engine compiles and optimizes our own code during the first hundred, and later on a busy machine.
    for (let k = 0; k < 120; k++) await one();
    const before = await held();
    for (let k = 0; k < count; k++) await one();
    return { before, after: await held(), left: ThreadPool.size };
  },
};

const [task, count] = process.argv.slice(2);
if (task !== undefined) console.log(JSON.stringify(await TASKS[task](Number(count))));
