/** Real training to a real accuracy: what a wrong gradient, update or batch would miss. */

import { compile, compileTraining, data, manualSeed, nn, optim } from "kiln-js";
import { expect, test } from "vitest";
import { LeNet } from "../support/nets.ts";

async function accuracy(net: nn.Module, dataset: data.Dataset, batchSize: number): Promise<number> {
  const program = await compile(net, { inputs: [[batchSize, ...dataset.sampleShape]] });
  let right = 0;
  for await (const [x, y] of new data.DataLoader(dataset, { batchSize })) {
    const output = await program.run(x);
    const logits = await output.data();
    const labels = await y.data();
    const classes = output.shape[1];
    labels.forEach((label, row) => {
      const scores = logits.subarray(row * classes, (row + 1) * classes);
      if (scores.indexOf(Math.max(...scores)) === label) right++;
    });
  }
  return right / dataset.length;
}

test("LeNet trains on 1,000 digits in batches of 48, the last one of 40, with the same bits every time", async () => {
  const digits = data.syntheticDigits({ train: true, count: 1000 });
  const run = async (): Promise<{ sizes: number[]; losses: number[]; weights: number[] }> => {
    manualSeed(5);
    const net = new LeNet();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
    const trainer = await compileTraining(net, {
      inputs: [[48, 1, 32, 32]],
      loss: new nn.CrossEntropyLoss(),
      optimizer,
    });
    const sizes: number[] = [];
    const losses: number[] = [];
    const loader = new data.DataLoader(digits, { batchSize: 48, shuffle: true, seed: 3 });
    for (let epoch = 0; epoch < 4; epoch++) {
      for await (const [x, y] of loader) {
        sizes.push(x.shape[0]);
        losses.push(await trainer.step(x, y));
      }
    }
    return { sizes, losses, weights: [...(await net.fc3.weight.data())] };
  };
  const first = await run();
  expect(first.sizes.slice(18, 22)).toEqual([48, 48, 40, 48]);
  const mean = (losses: readonly number[]): number => losses.reduce((a, b) => a + b, 0) / losses.length;
  expect(mean(first.losses.slice(-21))).toBeLessThan(0.6 * mean(first.losses.slice(0, 21)));
  expect(await run()).toEqual(first);
});

test("LeNet reaches 97 % on the synthetic digits, a linear classifier stays below 92 %", async () => {
  manualSeed(1);
  const net = new LeNet();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
  const trainer = await compileTraining(net, {
    inputs: [[64, 1, 32, 32]],
    loss: new nn.CrossEntropyLoss(),
    optimizer,
  });
  const loader = new data.DataLoader(data.syntheticDigits({ train: true, count: 6000 }), {
    batchSize: 64,
    shuffle: true,
    seed: 1,
  });
  for (let epoch = 0; epoch < 5; epoch++) for await (const [x, y] of loader) await trainer.step(x, y);
  expect(await accuracy(net, data.syntheticDigits({ train: false, count: 1000 }), 100)).toBeGreaterThan(0.97);
});
