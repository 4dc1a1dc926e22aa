/** Gradients outside of compiled models: backward, accumulation, freed graphs, leaves, noGrad and operations in place. */

import { compileTraining, F, nn, noGrad, ones, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it, test } from "vitest";

const numbers = async (t: Tensor | null): Promise<number[]> => Array.from(await t!.data());

describe("backward", () => {
  it("gives every leaf that asks for it its gradient", async () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const w = tensor([4, 5, 6], { requiresGrad: true });
    const fixed = tensor([7, 8, 9]);
    x.mul(w).add(fixed).mul(x).sum().backward();
    expect(await numbers(x.grad)).toEqual([2 * 4 + 7, 2 * 2 * 5 + 8, 2 * 3 * 6 + 9]);
    expect(await numbers(w.grad)).toEqual([1, 4, 9]);
    expect(fixed.grad).toBeNull();
  });

  it("adds up over calls, and over paths", async () => {
    const x = tensor([3], { requiresGrad: true });
    for (const total of [7, 14, 21]) {
      x.mul(x).add(x).backward();
      expect(await numbers(x.grad)).toEqual([total]);
    }
  });

  it("takes the gradient that arrives", async () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    x.mul(2).backward(tensor([1, 10, 100]));
    expect(await numbers(x.grad)).toEqual([2, 20, 200]);
  });

  it("needs no argument for one element, whatever its shape", async () => {
    const x = tensor([[5]], { requiresGrad: true });
    x.mul(3).backward();
    expect(await x.grad!.array()).toEqual([[3]]);
  });

  it("works from a leaf itself", async () => {
    const x = tensor(2, { requiresGrad: true });
    x.backward();
    expect(await x.grad!.item()).toBe(1);
  });

  it("uses what was read before, and may be read in between", async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.exp();
    expect(await y.sum().item()).toBeCloseTo(Math.E + Math.E ** 2, 4);
    const loss = y.mul(y).sum();
    await loss.item();
    loss.backward();
    const gradient = await numbers(x.grad);
    expect(gradient[0]).toBeCloseTo(2 * Math.E ** 2, 4);
    expect(gradient[1]).toBeCloseTo(2 * Math.E ** 4, 3);
  });
});

describe("a second backward", () => {
  it("is an error that says what to do", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const loss = x.mul(x).sum();
    loss.backward();
    expect(() => loss.backward()).toThrow(
      "backward() is called a second time through the same graph, but the first call has freed what it had saved: " +
        "give the first call { retainGraph: true }, or compute the result again",
    );
  });

  it("adds up when the graph was retained", async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const loss = x.mul(x).sum();
    loss.backward(undefined, { retainGraph: true });
    loss.backward();
    expect(await numbers(x.grad)).toEqual([4, 8]);
    expect(() => loss.backward()).toThrow("a second time");
  });

  it("is an error through a part that another result shares, too", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const shared = x.mul(x);
    shared.sum().backward();
    expect(() => shared.mean().backward()).toThrow("a second time");
  });
});

describe("bad calls", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  it.each([
    [() => x.mul(2).backward(), "backward() of a tensor of shape [2] needs the gradient that arrives at it"],
    [() => x.mul(2).backward(ones(3)), "backward() is given a gradient float32[3] for a tensor float32[2]"],
    [() => tensor([1]).backward(), "backward() is called on a tensor that no gradient is remembered for"],
    [() => noGrad(() => x.sum()).backward(), "no gradient is remembered"],
    [() => x.detach().sum().backward(), "no gradient is remembered"],
    [() => tensor([1], { dtype: "int32", requiresGrad: true }), "only float32 tensors can require gradients"],
    [() => x.add_(1), "add_ would change a leaf that requires gradients"],
    [
      () => tensor([1]).add_(ones(3)),
      "add_ cannot change the shape of its tensor from [1] to the broadcast [3]",
    ],
    [() => (x.grad = ones(3)), "a gradient must have its tensor's type float32[2], not float32[3]"],
    [() => (x.mul(2).requiresGrad = false), "requiresGrad can be changed on leaves alone"],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
  });
});

describe("noGrad and detach", () => {
  test("what is computed inside is not remembered", async () => {
    const x = tensor([2], { requiresGrad: true });
    const y = noGrad(() => x.mul(x));
    expect([y.requiresGrad, y.isLeaf, y.gradFn]).toEqual([false, true, null]);
    x.mul(y).backward();
    expect(await numbers(x.grad)).toEqual([4]);
  });

  test("an asynchronous function is covered until it ends, an error ends it as well", async () => {
    const x = tensor([2], { requiresGrad: true });
    const result = await noGrad(async () => {
      await Promise.resolve();
      return x.mul(2).requiresGrad;
    });
    expect(result).toBe(false);
    expect(() => noGrad(() => x.add(ones(5).reshape(7)))).toThrow();
    expect(x.mul(2).requiresGrad).toBe(true);
  });

  test("a detached tensor has the numbers and no history", async () => {
    const x = tensor([2, 3], { requiresGrad: true });
    const scale = x.mul(10).detach();
    x.mul(scale).sum().backward();
    expect(await numbers(x.grad)).toEqual([20, 30]);
  });
});

describe("operations in place", () => {
  test("give the tensor new numbers; what was computed from the old ones keeps them, and views show the new", async () => {
    const x = tensor([1, 2]);
    const doubled = x.mul(2);
    const view = x.reshape(2, 1);
    x.add_(10).mul_(3);
    expect(await numbers(x)).toEqual([33, 36]);
    expect(await numbers(doubled)).toEqual([2, 4]);
    expect(await view.array()).toEqual([[33], [36]]);
  });

  test("each of them", async () => {
    const start = (): Tensor => tensor([-1, 4]);
    const results = {
      sub_: start().sub_(1),
      div_: start().div_(tensor([2, 2])),
      neg_: start().neg_(),
      relu_: start().relu_(),
      clamp_: start().clamp_(0, 3),
      copy_: start().copy_(tensor(5)),
      fill_: start().fill_(7),
      zero_: start().zero_(),
    };
    const values = await Promise.all(
      Object.entries(results).map(async ([name, t]) => [name, await numbers(t)]),
    );
    expect(Object.fromEntries(values)).toEqual({
      sub_: [-2, 3],
      div_: [-0.5, 2],
      neg_: [1, -4],
      relu_: [0, 4],
      clamp_: [0, 3],
      copy_: [5, 5],
      fill_: [7, 7],
      zero_: [0, 0],
    });
  });

  test("take part in the history of a result", async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.mul(3);
    y.mul_(y);
    y.sum().backward();
    expect(await numbers(x.grad)).toEqual([18, 36]);
  });

  test("a parameter changed inside noGrad stays a leaf, and old graphs lead to it", async () => {
    const p = new nn.Parameter(tensor([1, 2]));
    const before = p.mul(p).sum();
    noGrad(() => p.sub_(1));
    expect([p.isLeaf, p.requiresGrad]).toEqual([true, true]);
    before.backward();
    expect(await numbers(p.grad)).toEqual([2, 4]);
    p.mul(p).sum().backward();
    expect(await numbers(p.grad)).toEqual([2, 6]);
    expect(await numbers(p)).toEqual([0, 1]);
  });
});

test("the printed text tells where a tensor comes from", async () => {
  const x = tensor([1, 2], { requiresGrad: true });
  expect(await x.format()).toBe("tensor([1., 2.], requires_grad=True)");
  expect(await F.mseLoss(x, ones(2)).format()).toBe("tensor(0.5000, grad_fn=<MseLossBackward>)");
  expect(await x.detach().format()).toBe("tensor([1., 2.])");
});

test("two parameters that begin with the same numbers are two, by hand and compiled", async () => {
  const start = tensor([1, 2]);
  class Model extends nn.Module {
    a = new nn.Parameter(start);
    b = new nn.Parameter(start);
    forward(x: Tensor): Tensor {
      return this.a.mul(x).sub(this.b.mul(this.b)).sum();
    }
  }
  const model = new Model();
  const x = tensor([[5, 7]]);
  model.forward(x).backward();
  expect(await numbers(model.a.grad)).toEqual([5, 7]);
  expect(await numbers(model.b.grad)).toEqual([-2, -4]);
  class Sum extends nn.Module {
    targetType(): { dtype: "float32"; shape: number[] } {
      return { dtype: "float32", shape: [1] };
    }
    forward(output: Tensor, target: Tensor): Tensor {
      return output.mul(target).sum();
    }
  }
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
  const trainer = await compileTraining(model, { inputs: [[1, 2]], loss: new Sum(), optimizer });
  const { gradients } = await trainer.gradients(x, tensor([1]));
  expect([await numbers(gradients.a), await numbers(gradients.b)]).toEqual([
    [5, 7],
    [-2, -4],
  ]);
});
