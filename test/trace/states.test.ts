/** What is a state of a program: what the model owns, found by the tensor itself, whatever numbers it happens to share. */

import { compile, compileTraining, nn, noGrad, optim, type Tensor, tensor, zeros } from "kiln";
import { describe, expect, test } from "vitest";

type Forward = (self: Small, x: Tensor) => Tensor;

/** One parameter of 3, one buffer of 0, and a forward that is given. */
class Small extends nn.Module {
  declare readonly count: Tensor;
  readonly p: nn.Parameter;
  readonly #forward: Forward;

  constructor(forward: Forward, p = new nn.Parameter(tensor([3]))) {
    super();
    this.p = p;
    this.registerBuffer("count", zeros(1));
    this.#forward = forward;
  }

  forward(x: Tensor): Tensor {
    return this.#forward(this, x);
  }
}

class Sum extends nn.Module {
  forward(output: Tensor, _target: Tensor): Tensor {
    return output.sum();
  }
}

const trainer = (model: nn.Module, lr = 0) =>
  compileTraining(model, {
    inputs: [[1]],
    targets: [[1]],
    loss: new Sum() as never,
    optimizer: new optim.SGD(model.parameters(), { lr }),
    backend: "interpret",
  });

const X = tensor([2]);

describe("gradients of p = 3 at x = 2, compiled and interactively", () => {
  const other = tensor([3]);
  test.each<[string, Forward, number]>([
    ["p times its detached self", ({ p }, x) => p.mul(p.detach()).mul(x), 6],
    ["a straight-through estimator", ({ p }, x) => p.sign().add(p).sub(p.detach()).mul(x), 2],
    ["p beside the tensor that it was made from", ({ p }, x) => p.sub(other).mul(x), 2],
    [
      "a tensor that p was copied into",
      ({ p }, x) => {
        const y = x.mul(0);
        y.copy_(p.mul(2));
        return y;
      },
      2,
    ],
    [
      "what is clamped inside noGrad",
      ({ p }) => {
        const y = p.mul(2);
        noGrad(() => y.clamp_(0, 1));
        return y;
      },
      2,
    ],
    [
      "a buffer behind detach(), after its change",
      (self, x) => {
        noGrad(() => self.count.copy_(self.count.mul(0).add(5)));
        return self.p.mul(x).mul(self.count.detach());
      },
      10,
    ],
  ])("%s", async (_what, forward, expected) => {
    const model = new Small(forward, new nn.Parameter(other));
    const { gradients } = await (await trainer(model)).gradients(X, zeros(1));
    expect(await gradients.p.array()).toEqual([expected]);
    model.forward(X).sum().backward();
    expect(await model.p.grad!.array()).toEqual([expected]);
  });
});

describe("a parameter that shares numbers", () => {
  test("with one it was copied to is alone in being trained", async () => {
    const target = new nn.Parameter(zeros(1), false);
    class Pair extends Small {
      readonly target = target;
    }
    const model = new Pair(({ p }, x) => p.sub(target).mul(x));
    noGrad(() => target.copy_(model.p));
    const training = await trainer(model, 0.5);
    for (let k = 0; k < 2; k++) await training.step(X, zeros(1));
    expect([await model.p.item(), await target.item()]).toEqual([1, 3]);
  });

  test("with the tensor it was made from leaves that as it was", async () => {
    const prior = tensor([3]);
    const model = new Small(({ p }, x) => p.sub(prior).square().mul(x).add(p), new nn.Parameter(prior));
    const training = await trainer(model, 0.5);
    // 3 − 0.5·1, then 2.5 − 0.5·(4·(−0.5) + 1).
    for (let k = 0; k < 2; k++) await training.step(X, zeros(1));
    expect([await model.p.item(), await prior.item()]).toEqual([3, 3]);
  });

  test("with its detach() is followed by that, and a clone stays, as in PyTorch", async () => {
    const model = new Small(({ p }, x) => p.mul(x));
    const [detached, cloned] = [model.p.detach(), model.p.detach().clone()];
    const training = await trainer(model, 0.5);
    for (let k = 0; k < 2; k++) await training.step(X, zeros(1));
    expect([await model.p.item(), await detached.item(), await cloned.item()]).toEqual([1, 1, 3]);
  });
});

describe("what is changed in place", () => {
  const runs = async (model: nn.Module): Promise<number[]> => {
    const program = await compile(model, { inputs: [[1]], backend: "interpret" });
    const found: number[] = [];
    for (let k = 0; k < 3; k++) found.push(await (await program.run(tensor([1]))).item());
    return found;
  };

  test.each<[string, () => Tensor]>([
    ["zeros", () => zeros(1)],
    ["numbers", () => tensor([0])],
  ])("lives for one run where forward makes it of %s", async (_what, make) => {
    expect(
      await runs(
        new Small((_self, x) => {
          const a = make();
          a.add_(x);
          return a;
        }),
      ),
    ).toEqual([1, 1, 1]);
  });

  test("lives on where it was there before, be it a buffer, its view, its detach() or any other tensor", async () => {
    const outside = zeros(2).mul(1);
    const forwards: Forward[] = [
      ({ count }, x) => count.add_(x).mul(1),
      ({ count }, x) => count.view(1, 1).add_(x).view(1),
      ({ count }, x) => count.detach().add_(x).mul(1),
      (_self, x) => outside.narrow(0, 1, 1).add_(x).mul(1),
    ];
    for (const forward of forwards) expect(await runs(new Small(forward))).toEqual([1, 2, 3]);
    expect(await outside.array()).toEqual([0, 3]);
  });

  test("is seen through a view that was taken before, in the program and outside", async () => {
    const model: Small = new Small((_self, x) => view.mul(1).add(x));
    const view: Tensor = model.count.view(1, 1).view(1);
    noGrad(() => model.count.fill_(4));
    expect(await runs(model)).toEqual([5, 5, 5]);
    const counting = new Small(({ count }, x) => count.add_(x).mul(1));
    const seen = counting.count.view(1, 1);
    await runs(counting);
    expect(await seen.array()).toEqual([[3]]);
  });

  test("is no parameter, not by its view nor by its detach()", async () => {
    for (const forward of [
      ({ p }, x) =>
        noGrad(() => p.view(1, 1).mul_(2))
          .view(1)
          .mul(x),
      ({ p }, x) => p.detach().mul_(2).mul(x),
    ] satisfies Forward[])
      await expect(runs(new Small(forward))).rejects.toThrow("forward assigns to the parameter p");
  });

  test("is as before when a trace fails", async () => {
    const model = new Small(({ count }, x) => {
      count.add_(x);
      throw new Error("in the middle");
    });
    await expect(runs(model)).rejects.toThrow("in the middle");
    expect(await model.count.item()).toBe(0);
  });
});

test("a tensor computed from parameters before forward ran is an error in training", async () => {
  const model: Small = new Small((_self, x) => doubled.mul(x));
  const doubled: Tensor = model.p.mul(2);
  await expect(trainer(model)).rejects.toThrow(
    "forward uses a tensor float32[1] that was computed from parameters before it ran, so that no gradient would reach them",
  );
});
