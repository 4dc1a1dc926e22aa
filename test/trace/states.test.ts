/** What is a state of a program: what the model owns, found by the tensor itself, whatever numbers it happens to share. */

import {
  cat,
  compile,
  compileTraining,
  F,
  nn,
  noGrad,
  ones,
  optim,
  type Tensor,
  tensor,
  zeros,
} from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";

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

  test("with its detach() leaves that as it was, and a view that gradients pass through follows", async () => {
    const model = new Small(({ p }, x) => p.mul(x));
    const [detached, view] = [model.p.detach(), model.p.view(1, 1)];
    const training = await trainer(model, 0.5);
    for (let k = 0; k < 2; k++) await training.step(X, zeros(1));
    expect([await model.p.item(), await detached.item(), await view.item()]).toEqual([1, 3, 1]);
  });
});

describe("a snapshot w0 = w.detach() that the loss reads", () => {
  class Scaled extends nn.Module {
    readonly w: nn.Parameter;

    constructor(w = tensor([1, 2])) {
      super();
      this.w = new nn.Parameter(w);
    }

    forward(x: Tensor): Tensor {
      return this.w.mul(x);
    }
  }

  /** Σ (output − target)² + 3·Σ (w − w0)². */
  class Anchored extends nn.Module {
    readonly #anchor: () => Tensor;

    constructor(anchor: () => Tensor) {
      super();
      this.#anchor = anchor;
    }

    forward(output: Tensor, target: Tensor): Tensor {
      return F.mseLoss(output, target, { reduction: "sum" }).add(this.#anchor().square().sum().mul(3));
    }
  }

  const anchors: Record<string, (model: Scaled) => () => Tensor> = {
    "detach()": ({ w }) => {
      const w0 = w.detach();
      return () => w.sub(w0);
    },
    "a view of detach(), made in the loss": ({ w }) => {
      const w0 = w.detach();
      return () => w.view(2, 1).sub(w0.view(2, 1));
    },
    "views made inside noGrad and of detach()": ({ w }) => {
      const first = noGrad(() => w.narrow(0, 0, 1));
      const last = w.detach().narrow(0, 1, 1);
      return () => w.sub(cat([first, last]));
    },
  };
  const [x, zero] = [ones(2), zeros(2)];
  // Each step multiplies what is left to ¾·w0 by 1 − 0.1·(2 + 6): PyTorch with detach().clone() gives the same.
  const anchored = (steps: number, [a, b] = [1, 2]): number[] =>
    [a, b].map((w0) => w0 * (0.75 + 0.25 * 0.2 ** steps));
  const close = async (tensor: Tensor, expected: readonly number[]): Promise<void> => {
    // Five steps in float32.
    for (const [k, value] of (await tensor.data()).entries()) expect(value).toBeCloseTo(expected[k], 6);
  };

  test.each(Object.keys(anchors))("keeps its numbers interactively: %s", async (name) => {
    const model = new Scaled();
    const loss = new Anchored(anchors[name](model));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    for (let k = 0; k < 5; k++) {
      optimizer.zeroGrad();
      loss.forward(model.forward(x), zero).backward();
      await optimizer.step();
    }
    await close(model.w, anchored(5));
  });

  const compiledWith = (model: Scaled, loss: Anchored, backend: BackendName, accumulate = 1) =>
    compileTraining(model, {
      inputs: [[2]],
      targets: [[2]],
      loss: loss as never,
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      backend,
      accumulate,
    });

  test.each(
    (["interpret", "js", "wasm"] as const).flatMap((backend) =>
      Object.keys(anchors).map((name) => [backend, name] as const),
    ),
  )("keeps its numbers on %s: %s", async (backend, name) => {
    const model = new Scaled();
    const training = await compiledWith(model, new Anchored(anchors[name](model)), backend);
    for (let k = 0; k < 5; k++) await training.step(x, zero);
    await close(model.w, anchored(5));
    // Nothing is compiled or copied for a snapshot that was let go.
    expect(model.w.memory).toBeUndefined();
  });

  test("follows what is written to the parameter before the first step, and nothing after", async () => {
    const model = new Scaled();
    const w0 = model.w.detach();
    const training = await compiledWith(model, new Anchored(() => model.w.sub(w0)), "js");
    noGrad(() => model.w.copy_(tensor([4, 8])));
    for (let k = 0; k < 5; k++) await training.step(x, zero);
    await close(model.w, anchored(5, [4, 8]));
    noGrad(() => model.w.copy_(tensor([4, 8])));
    expect(await w0.array()).toEqual([4, 8]);
    // What is written to the snapshot is read as well.
    w0.mul_(2);
    await training.step(x, zero);
    // 4 − 0.1·(2·4 + 6·(4 − 8)), and twice that.
    await close(model.w, [5.6, 11.2]);
  });

  test("keeps its numbers where batches are accumulated, up to the update and beyond", async () => {
    const model = new Scaled();
    const w0 = model.w.detach();
    const training = await compiledWith(model, new Anchored(() => model.w.sub(w0)), "js", 2);
    await training.step(x, zero);
    expect(model.w.memory).toBeDefined();
    await training.step(x, zero);
    expect(model.w.memory).toBeUndefined();
    expect(await w0.array()).toEqual([1, 2]);
    await close(model.w, [0.6, 1.2]);
  });

  test("goes on being the same state when the model is compiled for other shapes", async () => {
    const model = new Scaled();
    const w0 = model.w.detach();
    const training = await compiledWith(model, new Anchored(() => model.w.sub(w0)), "js");
    await training.step(x, zero);
    const { gradients } = await training.gradients(x, zero);
    // 2·w + 6·(w − w0) at w = 0.8·w0.
    await close(gradients.w, [0.4, 0.8]);
    const again = await compiledWith(model, new Anchored(() => model.w.sub(w0)), "js");
    await again.step(x, zero);
    await close(model.w, anchored(2));
  });
});

test("a target network takes numbers over by copy_(p.detach()), and keeps them until the next time", async () => {
  class Online extends Small {
    readonly target = new Small(({ p }, x) => p.mul(x), new nn.Parameter(zeros(1), false));
  }
  // (p − target)·x, whose gradient is x = 2.
  const model = new Online((self, x) => self.p.mul(x).sub((self as Online).target.forward(x)));
  const synchronise = (): void => noGrad(() => void model.target.p.copy_(model.p.detach()));
  const found: number[] = [];
  const training = await trainer(model, 0.5);
  for (let round = 0; round < 2; round++) {
    synchronise();
    for (let k = 0; k < 2; k++) found.push(await training.step(X, zeros(1)));
    found.push(await model.p.item(), await model.target.p.item());
  }
  expect(found).toEqual([0, -2, 1, 3, 0, -2, -1, 1]);
});

test("a detach() of what another optimizer trains keeps its numbers in a program too", async () => {
  const other = new nn.Parameter(tensor([5]));
  const frozen = other.detach();
  const model = new Small((_self, x) => frozen.mul(10).add(other.detach()).mul(x));
  const program = await compile(model, { inputs: [[1]], backend: "interpret" });
  other.grad = ones(1);
  await new optim.SGD([other], { lr: 1 }).step();
  expect(await (await program.run(ones(1))).item()).toBe(54);
  expect(await model.forward(ones(1)).item()).toBe(54);
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

test("a tensor from outside is a state of its own beside a parameter that is called like one", async () => {
  const outside = tensor([1, 2]);
  class Inner extends nn.Module {
    readonly "1" = new nn.Parameter(tensor([3, 4]));
    override forward(x: Tensor): Tensor {
      return x.add(this["1"]);
    }
  }
  class Outer extends nn.Module {
    readonly constant = new Inner();
    override forward(x: Tensor): Tensor {
      return this.constant.forward(x.mul(outside));
    }
  }
  const program = await compile(new Outer(), { inputs: [[2]], backend: "js" });
  expect(await (await program.run(tensor([1, 1]))).array()).toEqual([4, 6]);
  await program.dispose();
});
