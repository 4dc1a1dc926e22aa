/** What a user changes of a model after compiling it counts from the next run on, or is an error; it is never passed over. */

import { compile, compileTraining, nn, noGrad, ones, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";

class Net extends nn.Module {
  scale = 1;
  epoch = 0;
  sizes = [2];
  mask = tensor([1, 1]);
  w = new nn.Parameter(tensor([1, 2]));
  layers = new nn.Sequential(new nn.Identity());
  norm = new nn.Dropout(0);
  forward(x: Tensor): Tensor {
    return this.layers
      .forward(x)
      .mul(this.w)
      .mul(this.mask)
      .mul(this.scale)
      .reshape(...this.sizes);
  }
}

const program = async (net: nn.Module) => {
  const compiled = await compile(net, { inputs: [[2]], backend: "interpret" });
  return async () => (await compiled.run(ones(2))).array();
};

describe("a compiled forward pass", () => {
  test.each<[string, (net: Net) => unknown, unknown]>([
    ["a number", (net) => (net.scale = 3), [3, 6]],
    ["a list of numbers", (net) => (net.sizes = [2, 1]), [[1], [2]]],
    ["a list in place", (net) => net.sizes.push(1), [[1], [2]]],
    ["a parameter", (net) => (net.w = new nn.Parameter(tensor([5, 6]))), [5, 6]],
    ["a parameter's numbers", (net) => noGrad(() => net.w.fill_(4)), [4, 4]],
    ["a tensor that is no buffer", (net) => (net.mask = tensor([0, 1])), [0, 2]],
    ["its numbers", (net) => net.mask.fill_(2), [2, 4]],
    ["a view of them", (net) => net.mask.select(0, 1).zero_(), [1, 0]],
    ["layers", (net) => net.layers.append(new nn.LeakyReLU(1)).append(new Twice()), [2, 4]],
  ])("sees %s that was changed", async (_what, change, expected) => {
    const net = new Net();
    const run = await program(net);
    expect(await run()).toEqual([1, 2]);
    change(net);
    expect(await run()).toEqual(expected);
    expect(await run()).toEqual(expected);
  });

  class Twice extends nn.Module {
    forward(x: Tensor): Tensor {
      return x.mul(2);
    }
  }

  test("sees a number that forward writes into a tensor", async () => {
    class Written extends nn.Module {
      scale = 1;
      forward(x: Tensor): Tensor {
        return x.mul(tensor([this.scale, 1]));
      }
    }
    const net = new Written();
    const run = await program(net);
    expect(await run()).toEqual([1, 1]);
    net.scale = 7;
    expect(await run()).toEqual([7, 1]);
  });

  test("is traced once more, and kept, where the graph does not hang on what was changed", async () => {
    let traces = 0;
    class Counted extends Net {
      override forward(x: Tensor): Tensor {
        traces++;
        return super.forward(x);
      }
    }
    const net = new Counted();
    const compiled = await compile(net, { inputs: [[2]], backend: "interpret" });
    for (net.epoch = 1; net.epoch < 5; net.epoch++) await compiled.run(ones(2));
    expect(traces).toBe(2);
  });
});

describe("a compiled training step", () => {
  class Sum extends nn.Module {
    weight = 1;
    forward(output: Tensor, target: Tensor): Tensor {
      return output.mul(target).sum().mul(this.weight);
    }
  }
  const trainerOf = async (net: nn.Module, loss: nn.Module = new Sum()) =>
    compileTraining(net, {
      inputs: [[2]],
      targets: [[2]],
      loss: loss as never,
      optimizer: new optim.SGD(net.parameters(), { lr: 0.5 }),
      backend: "interpret",
    });

  test("sees a number of the model and of its loss", async () => {
    const [net, loss] = [new Net(), new Sum()];
    const trainer = await trainerOf(net, loss);
    net.scale = 10;
    loss.weight = 2;
    expect(await trainer.step(ones(2), ones(2))).toBe(60);
    expect(await net.w.array()).toEqual([-9, -8]);
  });

  test("refuses a parameter that its optimizer does not know", async () => {
    const net = new Net();
    const trainer = await trainerOf(net);
    net.w = new nn.Parameter(tensor([5, 6]));
    await expect(trainer.step(ones(2), ones(2))).rejects.toThrow(
      "w was replaced after the training step was compiled, whose optimizer knows the old one",
    );
  });

  test("sees the mode of a part, and not that the whole was evaluated in between", async () => {
    const net = new Net();
    net.norm = new nn.Dropout(1);
    class Dropped extends nn.Module {
      inner = net;
      forward(x: Tensor): Tensor {
        return net.norm.forward(net.forward(x)).add(x);
      }
    }
    const model = new Dropped();
    const trainer = await trainerOf(model);
    expect((await trainer.gradients(ones(2), ones(2))).loss).toBe(2);
    model.eval();
    expect((await trainer.gradients(ones(2), ones(2))).loss).toBe(2);
    model.train();
    net.norm.eval();
    expect((await trainer.gradients(ones(2), ones(2))).loss).toBe(5);
  });
});

test("a number that forward changes is an error: it would change once, not in each run", async () => {
  class Counting extends nn.Module {
    calls = 0;
    forward(x: Tensor): Tensor {
      this.calls++;
      return x.mul(this.calls);
    }
  }
  await expect(compile(new Counting(), { inputs: [[2]] })).rejects.toThrow(
    "forward changes the number calls, which happens once in a compiled model, when it is traced",
  );
});
