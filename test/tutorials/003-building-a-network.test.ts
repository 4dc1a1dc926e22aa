/** Tutorial 003, on building a network: shapes of all parameters, the loss, gradients before and after, the update. */

import { nn, noGrad, randn } from "kiln-js";
import { expect, test } from "vitest";
import LeNet3x3 from "../../examples/lenet3x3.ts";
import { filled, form, generated, tutorials } from "../support/tutorials.ts";

class Net extends LeNet3x3 {}

const { lenet3 } = tutorials();
const { prefix } = lenet3;
const input = generated(`${prefix}/input`, [1, 1, 32, 32], 2);
const target = generated(`${prefix}/target`, [10], 2).view(1, -1);
const net = await filled(new Net(), prefix);

test("print(net)", () => {
  // The tutorial's page has lost the indentation.
  expect(String(net).replace(/^ +/gm, "")).toBe(
    [
      "Net(",
      "(conv1): Conv2d(1, 6, kernel_size=(3, 3), stride=(1, 1))",
      "(conv2): Conv2d(6, 16, kernel_size=(3, 3), stride=(1, 1))",
      "(fc1): Linear(in_features=576, out_features=120, bias=True)",
      "(fc2): Linear(in_features=120, out_features=84, bias=True)",
      "(fc3): Linear(in_features=84, out_features=10, bias=True)",
      ")",
    ].join("\n"),
  );
});

test("the size of every parameter", () => {
  const params = net.parameters();
  expect(params.length).toBe(10);
  expect(params.map((p) => p.size())).toEqual([
    [6, 1, 3, 3],
    [6],
    [16, 6, 3, 3],
    [16],
    [120, 576],
    [120],
    [84, 120],
    [84],
    [10, 84],
    [10],
  ]);
});

test("a random input of MNIST's form, 32×32, and a random gradient", async () => {
  const out = net.forward(randn(1, 1, 32, 32));
  expect(form(await out.format())).toMatch(/^tensor\(\[\[( ?#,){9} ?#\]\], grad_fn=<AddmmBackward>\)$/);
  net.zeroGrad();
  out.backward(randn(1, 10));
});

test("output and target have one size; their loss", async () => {
  const out = net.forward(input);
  expect(out.size()).toEqual([1, 10]);
  expect(target.size()).toEqual([1, 10]);
  expect(await new nn.MSELoss().forward(out, target).format()).toBe(lenet3.loss);
});

test("gradients before and after, and the update", async () => {
  const criterion = new nn.MSELoss();
  const loss = criterion.forward(net.forward(input), target);
  net.zeroGrad({ setToNone: false });
  expect(await net.conv1.bias!.grad!.format()).toBe("tensor([0., 0., 0., 0., 0., 0.])"); // Before
  loss.backward();
  expect(await net.conv1.bias!.grad!.format()).toBe(lenet3.after); // After
  const learningRate = 0.01;
  noGrad(() => {
    for (const f of net.parameters()) f.sub_(f.grad!.mul(learningRate));
  });
  // Sums of a forward pass are rounded in another order than PyTorch's.
  expect(await criterion.forward(net.forward(input), target).item()).toBeCloseTo(lenet3.updatedLoss, 6);
});
