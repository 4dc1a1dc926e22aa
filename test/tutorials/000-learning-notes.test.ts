/** Tutorial 000, "Chapter 4 - neural network": the 3×3 network, in the tutorial's order. */

import { nn, noGrad, optim, randn } from "kiln-js";
import { expect, test } from "vitest";
import LeNet3x3 from "../../examples/lenet3x3.ts";
import { filled, form, generated, tutorials } from "../support/tutorials.ts";

class Net extends LeNet3x3 {}

const { lenet3 } = tutorials();
const { prefix } = lenet3;
const input = generated(`${prefix}/input`, [1, 1, 32, 32], 2);
const target = generated(`${prefix}/target`, [10], 2).view(1, -1);
const criterion = new nn.MSELoss();
const net = await filled(new Net(), prefix);

test("1.1 the network's text", () => {
  expect(String(net).split("\n").slice(1, -1)).toEqual([
    "  (conv1): Conv2d(1, 6, kernel_size=(3, 3), stride=(1, 1))",
    "  (conv2): Conv2d(6, 16, kernel_size=(3, 3), stride=(1, 1))",
    "  (fc1): Linear(in_features=576, out_features=120, bias=True)",
    "  (fc2): Linear(in_features=120, out_features=84, bias=True)",
    "  (fc3): Linear(in_features=84, out_features=10, bias=True)",
  ]);
});

test("1.2 its parameters", () => {
  expect(net.parameters()[0].size()).toEqual([6, 1, 3, 3]); // conv1's weight
});

test("1.3 a random input, and gradients from a random gradient", async () => {
  const form10 = form(await new Net().forward(randn(1, 1, 32, 32)).format());
  expect(form10).toMatch(/^tensor\(\[\[( ?#,){9} ?#\]\], grad_fn=<AddmmBackward>\)$/);
  const out = net.forward(input);
  expect(await out.format()).toBe(lenet3.out);
  net.zeroGrad();
  out.backward(generated(`${prefix}/gradient`, [1, 10], 2));
  expect(await net.conv1.bias!.grad!.format()).toBe(lenet3.randomGradient);
});

test("2. the loss function", async () => {
  expect(await criterion.forward(net.forward(input), target).format()).toBe(lenet3.loss);
});

test("3. back propagation", async () => {
  const loss = criterion.forward(net.forward(input), target);
  net.zeroGrad({ setToNone: false }); // zeroes the gradient buffers of all parameters
  expect(await net.conv1.bias!.grad!.format()).toBe(lenet3.before);
  loss.backward();
  expect(await net.conv1.bias!.grad!.format()).toBe(lenet3.after);
});

test("4. updating the weights by hand and by an optimizer", async () => {
  const learningRate = 0.01;
  noGrad(() => {
    for (const f of net.parameters()) f.sub_(f.grad!.mul(learningRate));
  });
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
  const losses: number[] = [];
  for (let step = 0; step < lenet3.losses.length; step++) {
    optimizer.zeroGrad(); // zero the gradient buffers
    const output = net.forward(input);
    const loss = criterion.forward(output, target);
    loss.backward();
    optimizer.step(); // Does the update
    losses.push(await loss.item());
  }
  expect(losses[0]).toBeCloseTo(lenet3.updatedLoss, 6);
  // Sums of a forward pass are rounded in another order than PyTorch's.
  for (const [k, loss] of losses.entries()) expect(loss).toBeCloseTo(lenet3.losses[k], 6);
});
