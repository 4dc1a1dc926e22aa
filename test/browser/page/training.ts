/** LeNet on a few batches, whatever the backend: what it learns, and what is left on the GPU after many steps. */

import { compileTraining, data, manualSeed, nn, optim, type Tensor, type Trainer } from "kiln-js";
import type { BackendName } from "../../../backends/registry.ts";
import LeNet from "../../../examples/lenet.ts";
import { type GpuMemory, liveGpuMemory, watchGpuMemory } from "./gpu-memory.ts";

watchGpuMemory();

type Numbers = Readonly<Record<string, readonly number[]>>;

/** What training came to, as plain data. */
export interface Learned {
  /** What ran it. */
  readonly backend: string;
  readonly losses: readonly number[];
  /** Of one more batch after the steps. */
  readonly gradients: Numbers;
  readonly parameters: Numbers;
}

interface Setup {
  readonly net: LeNet;
  readonly trainer: Trainer;
  /** The next batch, epoch after epoch. */
  next(): Promise<readonly [Tensor, Tensor]>;
}

/** The same weights and the same batches for every backend. */
async function setUp(backend: BackendName, batchSize: number, threads?: number): Promise<Setup> {
  manualSeed(7);
  const net = new LeNet();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
  const loss = new nn.CrossEntropyLoss();
  const inputs = [[batchSize, 1, 32, 32]];
  // Mirrors are made from the start, so that what reading back takes on the GPU is there when memory is counted first.
  const options = { inputs, loss, optimizer, backend, mirrorEvery: 2 };
  const trainer = await compileTraining(net, { ...options, ...(threads !== undefined && { threads }) });
  const digits = data.syntheticDigits({ train: true, count: 40 * batchSize });
  const loader = new data.DataLoader(digits, { batchSize, shuffle: true, seed: 1 });
  let epoch = loader[Symbol.asyncIterator]();
  const next = async (): Promise<readonly [Tensor, Tensor]> => {
    const { done, value } = await epoch.next();
    if (!done) return value;
    epoch = loader[Symbol.asyncIterator]();
    return next();
  };
  return { net, trainer, next };
}

export async function learn(
  backend: BackendName,
  steps: number,
  batchSize: number,
  threads?: number,
): Promise<Learned> {
  const { net, trainer, next } = await setUp(backend, batchSize, threads);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push(await trainer.step(...(await next())));
  const { gradients } = await trainer.gradients(...(await next()));
  const learned = {
    backend: trainer.backend,
    losses,
    gradients: await numbers(gradients),
    parameters: await numbers(net.stateDict()),
  };
  await trainer.dispose();
  return learned;
}

/** What lies on the GPU after the first steps and after `steps` more. */
export async function memoryOver(
  backend: BackendName,
  steps: number,
  batchSize: number,
): Promise<{ readonly before: GpuMemory; readonly after: GpuMemory }> {
  const { trainer, next } = await setUp(backend, batchSize);
  // Kernels are compiled by their first call, and gradient sums and momentum have got their places after two.
  for (let step = 0; step < 3; step++) await trainer.step(...(await next()));
  const before = liveGpuMemory();
  for (let step = 0; step < steps; step++) await trainer.step(...(await next()));
  const after = liveGpuMemory();
  await trainer.dispose();
  return { before, after };
}

async function numbers(tensors: Readonly<Record<string, Tensor>>): Promise<Numbers> {
  const entries = Object.entries(tensors).map(
    async ([name, tensor]) => [name, Array.from(await tensor.data())] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
