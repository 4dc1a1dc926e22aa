/** A net whose step takes a while, and what the page's main thread is up to in the meantime. */

import { compileTraining, nn, ones, optim, randn, type Tensor, type Trainer, tensor } from "kiln-js";
import type { BackendName } from "../../../backends/registry.ts";

interface EndedWorker {
  terminate(): void;
  dispatchEvent(event: Event): boolean;
}

/** Workers that the page has started. */
const workers: EndedWorker[] = [];

const OriginalWorker: new (url: string, options: object) => EndedWorker = Reflect.get(globalThis, "Worker");
Reflect.set(
  globalThis,
  "Worker",
  class extends OriginalWorker {
    constructor(url: string, options: object) {
      super(url, options);
      workers.push(this);
    }
  },
);

const BATCH = 64;
const WIDTH = 1024;

interface Setup {
  readonly last: nn.Linear;
  readonly batch: readonly [Tensor, Tensor];
  compiled(): Promise<Trainer>;
}

function setUp(backend: BackendName, threads?: number): Setup {
  const last = new nn.Linear(WIDTH, 10);
  const hidden = [0, 1].flatMap(() => [new nn.Linear(WIDTH, WIDTH), new nn.ReLU()]);
  const net = new nn.Sequential(...hidden, last);
  const batch = [randn([BATCH, WIDTH]), tensor(new Int32Array(BATCH).fill(3))] as const;
  const loss = new nn.CrossEntropyLoss();
  const compiled = (): Promise<Trainer> => {
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const options = { inputs: [[BATCH, WIDTH]], loss, optimizer, backend, mirrorEvery: 2 };
    return compileTraining(net, { ...options, ...(threads !== undefined && { threads }) });
  };
  return { last, batch, compiled };
}

/** How many timers went off on this thread during each step. */
export async function timersDuringSteps(backend: BackendName, steps: number): Promise<number[]> {
  const { batch, compiled } = setUp(backend);
  const trainer = await compiled();
  let timers = 0;
  const interval = setInterval(() => timers++, 0);
  const counts: number[] = [];
  for (let step = 0; step < steps; step++) {
    const before = timers;
    await trainer.step(...batch);
    counts.push(timers - before);
  }
  clearInterval(interval);
  await trainer.dispose();
  return counts;
}

/** Takes a step on two threads, and then nobody holds the program any more. */
export async function abandon(): Promise<number> {
  const { batch, compiled } = setUp("wasm", 2);
  return (await compiled()).step(...batch);
}

export interface Killed {
  /** The last bias after two steps, when it was mirrored, and what is readable after the worker has gone in the fourth. */
  readonly mirrored: readonly number[];
  readonly readable: readonly number[];
  readonly error: string;
  /** What the next step of the same trainer says. */
  readonly later: string;
  /** The first loss of a trainer that is compiled after that, and a tensor computed as one was before. */
  readonly lossAfter: number;
  readonly computed: readonly number[];
  readonly started: number;
}

/** Ends the worker in mid-step: from outside, or by an error that nobody catches there. */
export async function kill(how: "terminate" | "error"): Promise<Killed> {
  const { last, batch, compiled } = setUp("wasm");
  const numbers = async (t: Tensor): Promise<number[]> => Array.from(await t.data());
  const compute = (): Promise<number[]> => numbers(ones([3]).add(ones([3])));
  await compute();
  const trainer = await compiled();
  const step = (): Promise<string> => trainer.step(...batch).then(() => "no error", String);
  await step();
  await step();
  const mirrored = await numbers(last.bias!);
  await step();
  const fourth = step();
  // By then the worker is at it.
  await new Promise((resolve) => setTimeout(resolve, 1));
  const worker = workers.at(-1)!;
  if (how === "terminate") worker.terminate();
  else
    worker.dispatchEvent(Object.assign(new Event("error", { cancelable: true }), { message: "out of luck" }));
  const error = await fourth;
  const readable = await numbers(last.bias!);
  const later = await step();
  const again = await compiled();
  const lossAfter = await again.step(...batch);
  const computed = await compute();
  await again.dispose();
  return { mirrored, readable, error, later, lossAfter, computed, started: workers.length };
}
