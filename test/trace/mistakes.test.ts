/** Models that a trace cannot mean as they are written: each is an error, and the model is afterwards as it was. */

import { compile, compileTraining, F, nn, noGrad, ones, optim, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";

const step = (model: nn.Module, loss: object = new nn.MSELoss(), options: object = {}) =>
  compileTraining(model, {
    inputs: [[2, 3]],
    loss: loss as nn.MSELoss,
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    backend: "js",
    ...options,
  });

class Linear extends nn.Module {
  fc = new nn.Linear(3, 3);
  forward(x: Tensor): Tensor | Tensor[] {
    return this.fc.forward(x);
  }
}

describe("a tensor that is carried in a field", () => {
  class Carrying extends Linear {
    state = zeros(2, 3);
    override forward(x: Tensor): Tensor {
      this.state = this.state.add(x);
      return this.fc.forward(this.state);
    }
  }

  test("is an error that names the field and says what to write", async () => {
    const model = new nn.Sequential({ inner: new Carrying() });
    const message = "forward keeps a tensor in inner.state, which a compiled model does not carry";
    await expect(compile(model, { inputs: [[2, 3]] })).rejects.toThrow(message);
    await expect(step(model)).rejects.toThrow("make it a buffer with registerBuffer");
  });

  test("is back in its field", async () => {
    const model = new Carrying();
    await compile(model, { inputs: [[2, 3]] }).catch(() => undefined);
    expect(await model.state.array()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    await model.forward(ones(2, 3)).data();
    expect(await model.state.sum().item()).toBe(6);
  });

  test("may be kept to be looked at, where there was none before", async () => {
    class Looking extends Linear {
      last: Tensor | undefined;
      override forward(x: Tensor): Tensor {
        this.last = this.fc.forward(x);
        return this.last;
      }
    }
    await expect(compile(new Looking(), { inputs: [[2, 3]] })).resolves.toBeDefined();
  });
});

describe("a parameter that is not part of the model", () => {
  class Hidden extends Linear {
    readonly layers = [new nn.Linear(3, 3)];
    override forward(x: Tensor): Tensor {
      return this.layers[0].forward(this.fc.forward(x));
    }
  }

  test("is an error in training, which would freeze it", async () => {
    await expect(step(new Hidden())).rejects.toThrow(
      "forward uses a parameter float32[3,3] that is not part of the model, so it would not be trained: keep layers and " +
        "parameters in fields, lists of them in nn.ModuleList",
    );
  });

  test("is a constant where the user says so", async () => {
    const teacher = new nn.Linear(3, 3);
    class Taught extends Linear {
      override forward(x: Tensor): Tensor {
        const known = noGrad(() => teacher.forward(x));
        return this.fc.forward(x).sub(known).mul(teacher.bias!.detach());
      }
    }
    const trainer = await step(new Taught());
    expect(Number.isFinite(await trainer.step(ones(2, 3), zeros(2, 3)))).toBe(true);
  });
});

describe("too few and too many tensors", () => {
  class Two extends nn.Module {
    fc = new nn.Linear(3, 3);
    forward(a: Tensor, b: Tensor): Tensor[] {
      return [this.fc.forward(a), this.fc.forward(b)];
    }
  }

  test("inputs are counted", async () => {
    await expect(compile(new Two(), { inputs: [[2, 3]] })).rejects.toThrow(
      "forward of Two takes 2 inputs, and inputs lists 1",
    );
    await expect(
      compile(new Linear(), {
        inputs: [
          [2, 3],
          [2, 3],
        ],
      }),
    ).rejects.toThrow("forward of Linear takes 1 input, and inputs lists 2");
  });

  test("a loss of one output is not given two", async () => {
    const inputs = [
      [2, 3],
      [2, 3],
    ];
    await expect(step(new Two(), new nn.CrossEntropyLoss(), { inputs })).rejects.toThrow(
      "CrossEntropyLoss takes 2 tensors, and is given 2 outputs of the model and 2 targets: a loss of your own can take them all",
    );
  });

  test("an optional input may be missing, wherever it stands in the types alone", async () => {
    class Masked extends nn.Module {
      fc = new nn.Linear(3, 3);
      forward(x: Tensor, mask?: Tensor): Tensor {
        const h = this.fc.forward(x);
        return mask === undefined ? h : h.mul(mask);
      }
    }
    const model = new Masked();
    const [x, mask] = [ones(2, 3), ones(2, 3).mul(2)];
    const one = await compile(model, { inputs: [[2, 3]] });
    expect(await (await one.run(x)).array()).toEqual(await model.forward(x).array());
    const two = await compile(model, {
      inputs: [
        [2, 3],
        [2, 3],
      ],
    });
    expect(await (await two.run(x, mask)).array()).toEqual(await model.forward(x, mask).array());
    const trainer = await step(model);
    expect(Number.isFinite(await trainer.step(x, zeros(2, 3)))).toBe(true);
  });

  test("defaults and rest parameters leave the number open", async () => {
    class Open extends nn.Module {
      fc = new nn.Linear(3, 3);
      forward(x: Tensor, scale: Tensor | number = 2): Tensor {
        return this.fc.forward(x).mul(scale);
      }
    }
    await expect(compile(new Open(), { inputs: [[2, 3]] })).resolves.toBeDefined();
    await expect(compile(new Open(), { inputs: [[2, 3], [3]] })).resolves.toBeDefined();
  });
});

test("what forward returns in place of a tensor is named", async () => {
  const returning = (value: unknown): nn.Module =>
    new (class Odd extends nn.Module {
      fc = new nn.Linear(3, 3);
      forward(): Tensor {
        return value as Tensor;
      }
    })();
  const cases = [
    [Promise.resolve(1), "not a promise: forward is not async, and awaits nothing"],
    [5, "not a number"],
    [undefined, "not nothing"],
    [[], "not a list with something else in it, or nothing"],
  ] as const;
  for (const [value, message] of cases)
    await expect(compile(returning(value), { inputs: [] })).rejects.toThrow(message);
});

describe("modes", () => {
  class Frozen extends nn.Module {
    bn = new nn.BatchNorm1d(3);
    drop = new nn.Dropout(0.5);
    forward(x: Tensor): Tensor {
      return this.drop.forward(F.relu(this.bn.forward(x)));
    }
  }
  const x = tensor([
    [1, 2, 3],
    [4, 6, 9],
  ]);

  test("of parts survive compiling", async () => {
    const model = new Frozen();
    model.bn.eval();
    await compile(model, { inputs: [[2, 3]] });
    expect([model.training, model.bn.training, model.drop.training]).toEqual([true, false, true]);
    await step(model);
    expect([model.training, model.bn.training, model.drop.training]).toEqual([true, false, true]);
  });

  test("a part in evaluation mode stays in it while the rest is trained", async () => {
    const model = new Frozen();
    model.bn.eval();
    model.drop.eval();
    const trainer = await step(model);
    // The loss of relu(x·1/√(1 + 1e-5)) against zeros: no statistics of the batch, nothing dropped.
    const expected = (1 + 4 + 9 + 16 + 36 + 81) / 6 / (1 + 1e-5);
    expect(await trainer.step(x, zeros(2, 3))).toBeCloseTo(expected, 4);
    expect(await model.bn.runningMean!.array()).toEqual([0, 0, 0]);
  });

  test("a model in evaluation mode is trained all the same", async () => {
    const model = new Frozen();
    model.eval();
    const trainer = await step(model);
    await trainer.step(x, zeros(2, 3));
    expect(await model.bn.runningMean!.array()).not.toEqual([0, 0, 0]);
    expect([model.training, model.bn.training]).toEqual([false, false]);
  });
});
