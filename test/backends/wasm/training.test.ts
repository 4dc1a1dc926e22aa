/** Five steps of LeNet on wasm give PyTorch's losses and parameters, and the same bits each time. */

import { compileTraining, nn, optim, tensor } from "kiln-js";
import { expect, test } from "vitest";
import { differenceFrom, initialParameters, trainingBatch, trainingSteps } from "../../support/fixtures.ts";
import { LeNet } from "../../support/nets.ts";

/** Largest difference over largest value: PyTorch's float32 and ours round at other places, over five steps. */
const TOLERANCE = 1e-5;

const net = trainingSteps().nets.lenet5;

async function train(): Promise<{ readonly losses: number[]; readonly state: Map<string, Float32Array> }> {
  const model = new LeNet(5);
  const weights = initialParameters(net);
  await model.loadStateDict(
    Object.fromEntries(net.initial.map(({ name, shape }) => [name, tensor(weights.get(name)!, { shape })])),
  );
  const { lr, momentum, dampening, weightDecay, nesterov } = net.optimizer;
  const trainer = await compileTraining(model, {
    inputs: [net.inputShape],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(model.parameters(), { lr, momentum, dampening, weightDecay, nesterov }),
    backend: "wasm",
  });
  const losses: number[] = [];
  for (const step of net.losses.keys()) {
    const { input, target } = trainingBatch(net, step);
    losses.push(await trainer.step(tensor(input, { shape: net.inputShape }), tensor(target)));
  }
  const state = new Map<string, Float32Array>();
  for (const [name, value] of Object.entries(model.stateDict()))
    state.set(name, Float32Array.from(await value.data()));
  return { losses, state };
}

test("LeNet trains as in PyTorch, to the same bits each time", async () => {
  const { losses, state } = await train();
  net.losses.forEach((expected, step) => {
    expect.soft(Math.abs(losses[step] - expected) / expected, `loss of step ${step}`).toBeLessThan(TOLERANCE);
  });
  for (const expected of net.parameters) {
    const { max, norm } = differenceFrom(expected, state.get(expected.name)!);
    expect.soft(max, `${expected.name}, largest difference`).toBeLessThan(TOLERANCE);
    expect.soft(norm, `${expected.name}, norm`).toBeLessThan(TOLERANCE);
  }
  const again = await train();
  expect(again.losses).toEqual(losses);
  expect(again.state).toEqual(state);
});
