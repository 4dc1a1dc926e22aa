/** Tutorial 001, "Neural Networks": the 5×5 network, its loss, gradients and update, step by step in the tutorial's order. */

import { autograd, nn, noGrad, optim, randn, type Tensor } from "kiln-js";
import { beforeAll, expect, test } from "vitest";
import LeNet from "../../examples/lenet.ts";
import { filled, form, generated, tutorials } from "../support/tutorials.ts";

class Net extends LeNet {}

const { lenet5 } = tutorials();
const { prefix } = lenet5;
const input = generated(`${prefix}/input`, [1, 1, 32, 32], 2);
const criterion = new nn.MSELoss();
let net: Net;
let target: Tensor;

beforeAll(async () => {
  net = await filled(new Net(), prefix);
});

test("print(net)", () => {
  expect(String(net)).toBe(
    [
      "Net(",
      "  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))",
      "  (conv2): Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))",
      "  (fc1): Linear(in_features=400, out_features=120, bias=True)",
      "  (fc2): Linear(in_features=120, out_features=84, bias=True)",
      "  (fc3): Linear(in_features=84, out_features=10, bias=True)",
      ")",
    ].join("\n"),
  );
});

test("the learnable parameters", () => {
  const params = net.parameters();
  expect(params.length).toBe(10);
  expect(params[0].size()).toEqual([6, 1, 5, 5]); // conv1's weight
});

test("a random 32×32 input", async () => {
  const out = new Net().forward(randn(1, 1, 32, 32));
  expect(form(await out.format())).toMatch(/^tensor\(\[\[ ?#, .*#\]\], grad_fn=<AddmmBackward>\)$/);
  expect(await net.forward(input).format()).toBe(lenet5.out);
});

test("zeroes the gradients of all parameters and backprops with random gradients", async () => {
  const out = net.forward(input);
  net.zeroGrad();
  out.backward(generated(`${prefix}/gradient`, [1, 10], 2));
  expect(await net.conv1.bias!.grad!.format()).toBe(lenet5.randomGradient);
});

test("a single sample needs a batch dimension", async () => {
  const sample = input.squeeze(0);
  expect(() => net.forward(sample)).toThrow(/batch dimension.*unsqueeze\(0\)/s);
  expect(await net.forward(sample.unsqueeze(0)).format()).toBe(lenet5.out);
});

test("the recap's autograd.Function", async () => {
  class Exp extends autograd.Function {
    static forward(context: autograd.FunctionContext, x: Tensor): Tensor {
      const result = x.exp();
      context.saveForBackward(result);
      return result;
    }
    static backward(context: autograd.FunctionContext, gradient: Tensor): Tensor {
      const [result] = context.savedTensors;
      return gradient.mul(result);
    }
  }
  const x = randn(3).requiresGrad_();
  Exp.apply(x).sum().backward();
  expect(await x.grad!.data()).toEqual(await x.exp().data());
});

test("the loss", async () => {
  const output = net.forward(input);
  target = generated(`${prefix}/target`, [10], 2); // a dummy target, for example
  target = target.view(1, -1); // make it the same shape as output
  const loss = criterion.forward(output, target);
  expect(await loss.format()).toBe(lenet5.loss);
});

test("following the loss backwards", () => {
  const loss = criterion.forward(net.forward(input), target);
  const { gradFn } = loss;
  expect(String(gradFn)).toBe("<MseLossBackward object>");
  const linear = gradFn!.nextFunctions[0][0]!;
  expect(String(linear)).toBe("<AddmmBackward object>");
  expect(String(linear.nextFunctions[0][0])).toBe("<AccumulateGrad object>");
  // input -> conv2d -> relu -> maxpool2d -> conv2d -> relu -> maxpool2d -> view -> linear -> relu -> linear -> relu -> linear
  const names: string[] = [];
  for (let fn = linear; ; fn = fn.nextFunctions.find(([next]) => next?.name !== "AccumulateGrad")![0]!) {
    names.push(fn.name);
    const inner = fn.nextFunctions.filter(([next]) => next !== null && !/AccumulateGrad|^T/.test(next.name));
    if (inner.length === 0) break;
  }
  expect(names).toEqual([
    "AddmmBackward",
    "ReluBackward",
    "AddmmBackward",
    "ReluBackward",
    "AddmmBackward",
    "ViewBackward",
    "MaxPool2DWithIndicesBackward",
    "ReluBackward",
    "ConvolutionBackward",
    "MaxPool2DWithIndicesBackward",
    "ReluBackward",
    "ConvolutionBackward",
  ]);
});

test("conv1's bias gradients before and after the backward", async () => {
  const loss = criterion.forward(net.forward(input), target);
  net.zeroGrad({ setToNone: false }); // zeroes the gradient buffers of all parameters
  expect(await net.conv1.bias!.grad!.format()).toBe("tensor([0., 0., 0., 0., 0., 0.])");
  loss.backward();
  expect(await net.conv1.bias!.grad!.format()).toBe(lenet5.after);
});

test("the simplest update rule", async () => {
  const learningRate = 0.01;
  noGrad(() => {
    for (const f of net.parameters()) f.sub_(f.grad!.mul(learningRate));
  });
  const loss = await criterion.forward(net.forward(input), target).item();
  // PyTorch and Kiln round the sums of a forward pass in different orders.
  expect(Math.abs(loss - lenet5.updatedLoss)).toBeLessThan(1e-6 * lenet5.updatedLoss);
});

test("the optimizer's loop", async () => {
  // create your optimizer
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
  for (const expected of lenet5.losses) {
    // in your training loop:
    optimizer.zeroGrad(); // zero the gradient buffers
    const output = net.forward(input);
    const loss = criterion.forward(output, target);
    loss.backward();
    optimizer.step(); // Does the update
    expect(Math.abs((await loss.item()) - expected)).toBeLessThan(1e-6 * expected);
  }
  const bias = await net.conv1.bias!.data();
  for (const [k, expected] of lenet5.conv1Bias.entries())
    expect(Math.abs(bias[k] - expected)).toBeLessThan(1e-6);
});
