/** A multi-layer perceptron trained on flat synthetic digits, to an accuracy that a wrong gradient would miss. */

import { compile, compileTraining, data, F, manualSeed, nn, optim, type Tensor } from "kiln-js";
import { expect, test } from "vitest";

const SIZE = 20;

class Mlp extends nn.Module {
  fc1 = new nn.Linear(SIZE * SIZE, 128);
  fc2 = new nn.Linear(128, 64);
  fc3 = new nn.Linear(64, 10);

  override forward(x: Tensor): Tensor {
    x = F.relu(this.fc1.forward(x.flatten(1)));
    return this.fc3.forward(F.relu(this.fc2.forward(x)));
  }
}

async function accuracyOf(net: nn.Module, test: data.Dataset): Promise<number> {
  const program = await compile(net, { inputs: [[100, 1, SIZE, SIZE]] });
  let right = 0;
  for await (const [x, y] of new data.DataLoader(test, { batchSize: 100 })) {
    const scores = (await (await program.run(x)).array()) as number[][];
    const labels = await y.data();
    scores.forEach((row, k) => {
      if (row.indexOf(Math.max(...row)) === labels[k]) right++;
    });
  }
  return right / test.length;
}

test.each(["all layers", "all but the first"])("an MLP learns the digits with %s", async (which) => {
  manualSeed(2);
  const net = new Mlp();
  const frozen = which !== "all layers";
  const parameters = frozen ? [...net.fc2.parameters(), ...net.fc3.parameters()] : net.parameters();
  const optimizer = new optim.SGD(parameters, { lr: 0.05, momentum: 0.9, nesterov: true });
  const trainer = await compileTraining(net, {
    inputs: [[50, 1, SIZE, SIZE]],
    loss: new nn.CrossEntropyLoss(),
    optimizer,
  });
  const train = data.syntheticDigits({ train: true, count: 4000, size: SIZE });
  const loader = new data.DataLoader(train, { batchSize: 50, shuffle: true, seed: 1 });
  for (let epoch = 0; epoch < 6; epoch++) for await (const [x, y] of loader) await trainer.step(x, y);
  const accuracy = await accuracyOf(net, data.syntheticDigits({ train: false, count: 1000, size: SIZE }));
  // Five seeds gave 93.6 to 94.9 %, and 60 to 66 % when the first layer does not learn: a gradient that misses one
  // layer is far below the threshold, the scatter of 1,000 test images (0.8 %) far above it.
  if (frozen) expect(accuracy).toBeLessThan(0.8);
  else expect(accuracy).toBeGreaterThan(0.91);
});
