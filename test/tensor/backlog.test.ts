/** What waits to be computed is bounded, whatever loop made it; and what failed is the affair of who reads it. */

import {
  compile,
  compileTraining,
  F,
  nn,
  noGrad,
  ones,
  optim,
  rand,
  stack,
  type Tensor,
  tensor,
  zeros,
} from "kiln-js";
import { expect, test } from "vitest";
import { LazyEvaluator } from "../../src/runtime/programs/lazy-evaluator.ts";
import { MOST_IN_A_ROW, MOST_WAITING } from "../../src/tensor/backlog.ts";
import { currentEvaluator, injectEvaluator } from "../../src/tensor/context.ts";
import { takeSaved, takeScalars } from "../../src/tensor/pending.ts";
import type { Trace } from "../../src/trace/trace.ts";
import { isWhole } from "../support/extent.ts";

/** Runs `body`, and says what it had compiled: how many programs, and how many operations the largest of them has. */
async function compiledIn(body: () => Promise<void>): Promise<{ programs: number; largest: number }> {
  // What other tests of this process have left waiting would be computed along with the first program.
  takeSaved();
  takeScalars();
  const outer = currentEvaluator()!;
  const sizes: number[] = [];
  const compiler = (outer as unknown as { compile: (trace: Trace, asked: never) => never }).compile;
  injectEvaluator(
    new LazyEvaluator((trace, asked) => {
      sizes.push(trace.graph.nodes.length);
      return compiler(trace, asked as never);
    }),
  );
  try {
    await body();
  } finally {
    injectEvaluator(outer);
  }
  return { programs: sizes.length, largest: Math.max(...sizes) };
}

test("a long chain that nobody reads is computed piece by piece, by the same program", async () => {
  const turns = 3000;
  const { programs, largest } = await compiledIn(async () => {
    let a = tensor([1, 2]);
    const k = tensor([3, 4]);
    for (let turn = 0; turn < turns; turn++) a = a.mul(0.9).add(k);
    // The fixed point is 10·k.
    for (const [i, value] of (await a.data()).entries()) expect(value).toBeCloseTo([30, 40][i], 3);
  });
  // Constants are operations, too: the first piece, those after it, and the rest.
  expect(programs).toBeLessThanOrEqual(4);
  expect(largest).toBeLessThanOrEqual(MOST_WAITING + 2);
});

test("a sum over batches compiles a few batches, not all of them", async () => {
  const net = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 2));
  const batches = 100;
  const { programs, largest } = await compiledIn(async () => {
    let correct = tensor(0);
    for (let batch = 0; batch < batches; batch++) {
      const output = net.forward(rand(16, 4)) as Tensor;
      correct = correct.add(output.argmax(1).lt(2).float().sum());
    }
    expect(await correct.item()).toBe(16 * batches);
  });
  const operationsInBatch = 30;
  expect(programs).toBeLessThanOrEqual(4);
  expect(largest).toBeLessThanOrEqual((MOST_IN_A_ROW + 1) * operationsInBatch);
});

test("gradients that are added up and never used are computed from time to time", async () => {
  const net = new nn.Linear(3, 2);
  const x = ones([4, 3]);
  const { largest } = await compiledIn(async () => {
    for (let turn = 0; turn < 200; turn++) net.forward(x).sum().backward();
    for (const value of await net.weight.grad!.data()) expect(value).toBe(800);
  });
  expect(largest).toBeLessThanOrEqual(2 * MOST_WAITING);
});

class Chain extends nn.Module {
  readonly weight = new nn.Parameter(ones([4]));
  readonly steps: number;

  constructor(steps: number) {
    super();
    this.steps = steps;
  }

  forward(x: Tensor): Tensor {
    let y = x.mul(this.weight);
    for (let k = 0; k < this.steps; k++) y = k % 2 === 0 ? y.mul(0.5) : y.add(y);
    return y;
  }
}

test.each([
  ["wasm", 1000],
  ["js", 500],
  ["interpret", 500],
  ["gpujs:cpu", 500],
] as const)("on %s, %d operations in a row compile and train", async (backend, steps) => {
  const net = new Chain(steps);
  const x = tensor([1, 2, 3, 4]);
  const program = await compile(net, { inputs: [[4]], backend });
  expect(await (await program.run(x)).array()).toEqual([1, 2, 3, 4]);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.5 });
  const trainer = await compileTraining(net, {
    inputs: [[4]],
    targets: [[4]],
    loss: new nn.MSELoss(),
    optimizer,
    backend,
  });
  // Σ (x·w − 0)² / 4 with w = 1; its gradient is x²·w / 2.
  expect(await trainer.step(x, zeros([4]))).toBe(7.5);
  expect(await net.weight.array()).toEqual([0.75, 0, -1.25, -3]);
});

test.runIf(isWhole)("1,000 operations in a row train interactively", async () => {
  const net = new Chain(1000);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.5 });
  const loss = F.mseLoss(net.forward(tensor([1, 2, 3, 4])), zeros([4]));
  loss.backward();
  await optimizer.step();
  expect(await loss.item()).toBe(7.5);
  expect(await net.weight.array()).toEqual([0.75, 0, -1.25, -3]);
});

test("a join of 600 tensors, and its gradient", async () => {
  const parts = Array.from({ length: 600 }, (_, k) => tensor([k, 1]));
  parts[500].requiresGrad = true;
  const joined = stack(parts);
  joined.square().sum().backward();
  expect(await joined.sum().item()).toBe((599 * 600) / 2 + 600);
  expect(await parts[500].grad!.array()).toEqual([1000, 2]);
});

/** Indices that nobody knows before they are computed: those that are known are checked at once. */
const computed = (indices: number[]): Tensor => tensor(indices).mul(1).to("int32");

test("a number that cannot be computed is the affair of who reads it, not of the optimizer's step", async () => {
  const net = new nn.Linear(2, 1);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const before = await net.weight.array();
  const broken = new nn.Embedding(5, 3).forward(computed([1, 7])).sum();
  let running = tensor(0);
  running = noGrad(() => running.add(1));
  net
    .forward(ones([3, 2]))
    .sum()
    .backward();
  await optimizer.step();
  expect(await net.weight.array()).not.toEqual(before);
  expect(await running.item()).toBe(1);
  await expect(broken.item()).rejects.toThrow("the index 7");
});

test("a loss that cannot be computed does not keep another model from its step", async () => {
  const [net, other] = [new nn.Linear(2, 1), new nn.Embedding(5, 3)];
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const before = await net.weight.array();
  const failing = other.forward(computed([7])).sum();
  failing.backward();
  net
    .forward(ones([3, 2]))
    .sum()
    .backward();
  await optimizer.step();
  expect(await net.weight.array()).not.toEqual(before);
  await expect(failing.item()).rejects.toThrow("the index 7");
});

test("a step that fails and is not waited for ends no program: who reads the parameter is told", async () => {
  const net = new nn.Embedding(5, 3);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  try {
    net
      .forward(computed([7]))
      .sum()
      .backward();
    optimizer.step();
    await expect(net.weight.data()).rejects.toThrow("the index 7");
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
