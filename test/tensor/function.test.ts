/** A user's own differentiable operation: interactive and compiled, saved tensors, several inputs, nesting, errors. */

import { autograd, compile, compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it, test } from "vitest";

const numbers = async (t: Tensor | null): Promise<number[]> => Array.from(await t!.data());

/** The exponential, with a gradient that is wrong on purpose: ten times the right one. */
class Exp extends autograd.Function {
  static forward(context: autograd.FunctionContext, x: Tensor): Tensor {
    const y = x.exp();
    context.saveForBackward(y);
    return y;
  }

  static backward(context: autograd.FunctionContext, gradient: Tensor): Tensor {
    const [y] = context.savedTensors;
    return gradient.mul(y).mul(10);
  }
}

/** `a·b·factor`; the factor is no tensor and has no gradient, b's is left out on purpose. */
class Product extends autograd.Function {
  static forward(context: autograd.FunctionContext, a: Tensor, b: Tensor, factor: number): Tensor {
    context.saveForBackward(b);
    context.factor = factor;
    return a.mul(b).mul(factor);
  }

  static backward(context: autograd.FunctionContext, gradient: Tensor): autograd.Gradients {
    const [b] = context.savedTensors;
    return [gradient.mul(b).mul(context.factor as number), null, null];
  }
}

/** `x²` whose backward uses another function of the user's. */
class Square extends autograd.Function {
  static forward(context: autograd.FunctionContext, x: Tensor): Tensor {
    context.saveForBackward(x);
    return x.mul(x);
  }

  static backward(context: autograd.FunctionContext, gradient: Tensor): autograd.Gradients {
    const [x] = context.savedTensors;
    return Product.apply(gradient, x, 2);
  }
}

test("backward follows the user's rule", async () => {
  const x = tensor([0, 1], { requiresGrad: true });
  const y = Exp.apply(x);
  expect(await numbers(y)).toEqual([1, Math.fround(Math.E)]);
  y.mul(tensor([1, 2]))
    .sum()
    .backward();
  const [first, second] = await numbers(x.grad);
  expect(first).toBe(10);
  expect(second).toBeCloseTo(20 * Math.E, 4);
});

test("arguments without a gradient get none, and forward's own operations are not followed", async () => {
  const a = tensor([1, 2], { requiresGrad: true });
  const b = tensor([3, 4], { requiresGrad: true });
  Product.apply(a, b, 5).sum().backward();
  expect(await numbers(a.grad)).toEqual([15, 20]);
  expect(b.grad).toBeNull();
});

test("functions follow each other and stand in each other's rules", async () => {
  const x = tensor([3], { requiresGrad: true });
  Square.apply(Square.apply(x)).backward();
  expect(await numbers(x.grad)).toEqual([4 * 27]);
});

test("the graph shows its name and its inputs", () => {
  const a = tensor([1], { requiresGrad: true });
  const product = Product.apply(a, tensor([2]), 3);
  expect(product.gradFn!.name).toBe("ProductBackward");
  expect(product.gradFn!.nextFunctions.map(([next]) => next?.name ?? null)).toEqual(["AccumulateGrad", null]);
});

test("without anybody who wants a gradient it is just forward", async () => {
  const y = Exp.apply(tensor([0]));
  expect([y.gradFn, await y.item()]).toEqual([null, 1]);
});

test("a compiled model trains by the same rule", async () => {
  class Model extends nn.Module {
    weight = new nn.Parameter(tensor([0.5, -0.25]));
    forward(x: Tensor): Tensor {
      return Exp.apply(x.mul(this.weight)).mul(Square.apply(this.weight));
    }
  }
  const x = tensor([[1, 2]]);
  const target = tensor([[0, 0]]);
  const model = new Model();
  const loss = new nn.MSELoss();
  const interactive = loss.forward(model.forward(x), target);
  interactive.backward();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const trainer = await compileTraining(model, { inputs: [[1, 2]], loss, optimizer });
  const { gradients } = await trainer.gradients(x, target);
  expect(await numbers(gradients.weight)).toEqual(await numbers(model.weight.grad));
  expect(trainer.kernels.map(({ name }) => name).join()).not.toMatch(/custom|cotangent/);
  const program = await compile(model, { inputs: [[1, 2]] });
  expect(await numbers(await program.run(x))).toEqual(await numbers(model.forward(x)));
});

describe("bad rules", () => {
  class TooFew extends autograd.Function {
    static forward(_context: autograd.FunctionContext, a: Tensor, b: Tensor): Tensor {
      return a.add(b);
    }
    static backward(_context: autograd.FunctionContext, gradient: Tensor): autograd.Gradients {
      return [gradient];
    }
  }
  class WrongShape extends autograd.Function {
    static forward(_context: autograd.FunctionContext, a: Tensor): Tensor {
      return a.sum();
    }
    static backward(_context: autograd.FunctionContext, gradient: Tensor): autograd.Gradients {
      return gradient;
    }
  }
  const x = tensor([1, 2], { requiresGrad: true });
  it.each([
    [
      () => TooFew.apply(x, x),
      "TooFew.backward must return a gradient, or null, for each of the 2 arguments",
    ],
    [
      () => WrongShape.apply(x),
      "WrongShape.backward returned a gradient of shape [] for an argument of shape [2]",
    ],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
  });
});
