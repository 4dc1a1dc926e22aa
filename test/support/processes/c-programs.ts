/**
 * A separate process that compiles and runs programs of the `c`
 * backend, and prints the memory it holds before and after.
 */

import { readdirSync, readFileSync } from "node:fs";
import { compile, compileTraining, nn, optim, rand, randn, tensor } from "kiln-js";
import { LeNet } from "../nets.ts";

interface Held {
  readonly resident: number;
  readonly heap: number;
  /** Memory that JavaScript and C share. */
  readonly buffers: number;
  readonly threads: number;
  /** Libraries of the cache that are mapped into the process, each of their parts. */
  readonly mapped: number;
}

async function held(): Promise<Held> {
  // Collected memory is freed between turns of the event loop.
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc!();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const maps = readFileSync("/proc/self/maps", "utf8").split("\n");
  return {
    resident: rss,
    heap: heapUsed,
    buffers: arrayBuffers,
    threads: readdirSync("/proc/self/task").length,
    mapped: maps.filter((line) => line.includes(process.env.KILN_CACHE!)).length,
  };
}

const TASKS: Readonly<Record<string, (count: number, different: number) => Promise<object>>> = {
  /**
   * Compiles so many programs one after the other, makes a step with each and disposes of it; only some are different.
   */
  async programs(count, different) {
    const x = rand(4, 3);
    const one = async (k: number): Promise<void> => {
      const net = new nn.Linear(3, 4 + (k % different));
      const program = await compile(net, { inputs: [[4, 3]], backend: "c", threads: 2 });
      await (await program.run(x)).data();
      await program.dispose();
    };
    for (let k = 0; k < different; k++) await one(k);
    const before = await held();
    for (let k = 0; k < count; k++) await one(k + (count > different ? 0 : different));
    return { before, after: await held() };
  },

  /** Makes so many steps with LeNet and one image. */
  async steps(count) {
    const net = new LeNet();
    const trainer = await compileTraining(net, {
      inputs: [[1, 1, 32, 32]],
      loss: new nn.CrossEntropyLoss(),
      optimizer: new optim.SGD(net.parameters(), { lr: 0.001, momentum: 0.9 }),
      backend: "c",
      threads: 2,
    });
    const [x, y] = [rand(1, 1, 32, 32), tensor(Int32Array.of(3))];
    for (let step = 0; step < Math.max(1000, count / 10); step++) await trainer.step(x, y);
    const before = await held();
    for (let step = 0; step < count; step++) await trainer.step(x, y);
    return { before, after: await held() };
  },

  /** Builds a net whose library takes a while, and returns its result. */
  async build() {
    const net = new nn.Sequential(new nn.Conv2d(3, 8, 3), new nn.GELU(), new nn.Conv2d(8, 4, 3));
    for (const p of net.parameters()) await p.data();
    const program = await compile(net, { inputs: [[1, 3, 12, 12]], backend: "c" });
    const output = await program.run(randn(1, 3, 12, 12));
    return { length: (await output.data()).length };
  },
};

const [task, count, different] = process.argv.slice(2);
console.log(JSON.stringify(await TASKS[task](Number(count), Number(different))));
