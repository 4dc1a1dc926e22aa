/** Tutorial 002, notes on the 3×3 network with a part on zero_grad: in the tutorial's order. */

import { nn, noGrad, optim, randn, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import LeNet3x3 from "../../examples/lenet3x3.ts";
import { filled, form, generated, tutorials } from "../support/tutorials.ts";

describe("the network", () => {
  class Net extends LeNet3x3 {}
  const { lenet3 } = tutorials();
  const { prefix } = lenet3;
  const input = generated(`${prefix}/input`, [1, 1, 32, 32], 2);
  const target = generated(`${prefix}/target`, [10], 2).view(1, -1);
  const criterion = new nn.MSELoss();

  test("print(net) and its parameters", () => {
    const net = new Net();
    expect(String(net)).toBe(
      [
        "Net(",
        "  (conv1): Conv2d(1, 6, kernel_size=(3, 3), stride=(1, 1))",
        "  (conv2): Conv2d(6, 16, kernel_size=(3, 3), stride=(1, 1))",
        "  (fc1): Linear(in_features=576, out_features=120, bias=True)",
        "  (fc2): Linear(in_features=120, out_features=84, bias=True)",
        "  (fc3): Linear(in_features=84, out_features=10, bias=True)",
        ")",
      ].join("\n"),
    );
    const params = net.parameters();
    expect(params.length).toBe(10);
    expect(params[0].size()).toEqual([6, 1, 3, 3]);
  });

  test("inference, and gradients from a random gradient", async () => {
    const net = new Net();
    const out = net.forward(randn(1, 1, 32, 32));
    expect(form(await out.format())).toMatch(/^tensor\(\[\[( ?#,){9} ?#\]\], grad_fn=<AddmmBackward>\)$/);
    net.zeroGrad();
    out.backward(randn(1, 10));
    expect((await net.conv1.bias!.grad!.data()).some((value) => value !== 0)).toBe(true);
  });

  test("the loss and what stands behind it", async () => {
    const net = await filled(new Net(), prefix);
    const loss = criterion.forward(net.forward(input), target);
    expect(await loss.format()).toBe(lenet3.loss);
    expect(String(loss.gradFn)).toBe("<MseLossBackward object>");
    expect(String(loss.gradFn!.nextFunctions[0][0])).toBe("<AddmmBackward object>");
  });

  test("a second backward is PyTorch's error; the gradients stay", async () => {
    const net = await filled(new Net(), prefix);
    const loss = criterion.forward(net.forward(input), target);
    loss.backward();
    net.zeroGrad({ setToNone: false });
    expect(await net.conv1.bias!.grad!.format()).toBe("tensor([0., 0., 0., 0., 0., 0.])");
    expect(() => loss.backward()).toThrow(
      /backward\(\) is called a second time through the same graph.*\{ retainGraph: true \}/s,
    );
    expect(await net.conv1.bias!.grad!.format()).toBe("tensor([0., 0., 0., 0., 0., 0.])");
  });

  test("the update by hand, then by the optimizer", async () => {
    const net = await filled(new Net(), prefix);
    criterion.forward(net.forward(input), target).backward();
    const learningRate = 0.01;
    noGrad(() => {
      for (const f of net.parameters()) f.sub_(f.grad!.mul(learningRate));
    });
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    optimizer.zeroGrad();
    const loss = criterion.forward(net.forward(input), target);
    loss.backward();
    optimizer.step();
    // Sums of a forward pass are rounded in another order than PyTorch's.
    expect(await loss.item()).toBeCloseTo(lenet3.updatedLoss, 6);
  });
});

describe("zero_grad()", () => {
  class Net extends nn.Module {
    fc = new nn.Linear(1, 1);
    forward(x: Tensor): Tensor {
      return this.fc.forward(x);
    }
  }

  const grads = async (net: Net): Promise<string[]> =>
    Promise.all(net.parameters().map((p) => p.grad!.format()));

  test("example one: without it gradients add up", async () => {
    const net = new Net();
    for (const [weight, bias] of [
      ["tensor([[3.]])", "tensor([1.])"],
      ["tensor([[6.]])", "tensor([2.])"],
      ["tensor([[9.]])", "tensor([3.])"],
    ]) {
      const x = tensor([3.0]);
      const y = net.forward(x);
      y.backward(undefined, { retainGraph: true });
      expect(await grads(net)).toEqual([weight, bias]);
    }
  });

  test("print(x, y)", async () => {
    const x = tensor([3.0]);
    const y = new Net().forward(x);
    expect(await x.format()).toBe("tensor([3.])");
    expect(form(await y.format())).toBe("tensor([#], grad_fn=<AddBackward>)");
  });

  test("example two: with it each turn starts from zero", async () => {
    const net = new Net();
    for (let i = 0; i < 3; i++) {
      const x = tensor([3.0]);
      const y = net.forward(x);
      net.zeroGrad();
      y.backward(undefined, { retainGraph: true });
      expect(await grads(net)).toEqual(["tensor([[3.]])", "tensor([1.])"]);
    }
  });
});
