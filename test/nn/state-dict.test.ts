/** Loading state dicts: all or nothing, and every fault named at once. */

import { compileTraining, optim } from "kiln-js";
import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { ones, tensor, zeros } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const small = (): nn.Sequential => new nn.Sequential({ fc1: new nn.Linear(2, 3), fc2: new nn.Linear(3, 1) });

async function numbersOf(module: nn.Module): Promise<Record<string, number[]>> {
  const entries = Object.entries(module.stateDict());
  return Object.fromEntries(
    await Promise.all(entries.map(async ([name, t]) => [name, [...(await t.data())]])),
  );
}

describe("loadStateDict", () => {
  it("copies the numbers of another model", async () => {
    const [from, to] = [small(), small()];
    expect(await numbersOf(to)).not.toEqual(await numbersOf(from));
    const parameters = to.parameters();
    expect(await to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(await numbersOf(to)).toEqual(await numbersOf(from));
    expect(to.parameters().every((parameter, i) => parameter === parameters[i])).toBe(true);
    expect(to.parameters().some((parameter) => from.parameters().includes(parameter))).toBe(false);
  });

  it("is not disturbed when a model loads what it gave out", async () => {
    const net = small();
    const before = await numbersOf(net);
    await net.loadStateDict(net.stateDict());
    expect(await numbersOf(net)).toEqual(before);
  });

  it("loads buffers too", async () => {
    class Counted extends nn.Module {
      constructor() {
        super();
        this.registerBuffer("count", tensor(Int32Array.of(0), { shape: [] }));
      }

      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const module = new Counted();
    await module.loadStateDict({ count: tensor(Int32Array.of(5), { shape: [] }) });
    expect(await module.buffers()[0].item()).toBe(5);
  });

  it("names every missing, unexpected and ill-typed key in one error and changes nothing", async () => {
    const net = small();
    const before = await numbersOf(net);
    const wrong = {
      "fc1.bias": ones(3),
      "fc2.weight": ones(1, 4),
      "fc2.bias": tensor(Int32Array.of(1)),
      "fc3.weight": ones(1),
      toString: ones(1),
    };
    await expect(net.loadStateDict(wrong)).rejects.toThrow(
      "cannot load the state dict into Sequential: missing key fc1.weight; unexpected keys fc3.weight, toString; " +
        "fc2.weight is float32[1,4] but the model has float32[1,3]; " +
        "fc2.bias is int32[1] but the model has float32[1]",
    );
    expect(await numbersOf(net)).toEqual(before);
  });

  it("passes over keys of one side when it is not strict, but never over a wrong shape", async () => {
    const net = small();
    expect(await net.loadStateDict({ "fc1.bias": ones(3), other: ones(1) }, { strict: false })).toEqual({
      missingKeys: ["fc1.weight", "fc2.weight", "fc2.bias"],
      unexpectedKeys: ["other"],
    });
    expect((await numbersOf(net))["fc1.bias"]).toEqual([1, 1, 1]);
    await expect(net.loadStateDict({ "fc1.bias": zeros(2) }, { strict: false })).rejects.toThrow(
      "fc1.bias is float32[2] but the model has float32[3]",
    );
  });
});

describe("tied weights", () => {
  class Tied extends nn.Module {
    wte = new nn.Embedding(7, 4);
    head = new nn.Linear(4, 7, { bias: false });

    constructor() {
      super();
      this.head.weight = this.wte.weight;
    }

    forward(x: Tensor): Tensor {
      return this.head.forward(this.wte.forward(x));
    }
  }

  it("are one parameter under two keys, in files too", async () => {
    const net = new Tied();
    expect(net.namedParameters().map(([name]) => name)).toEqual(["wte.weight"]);
    expect(Object.keys(net.stateDict())).toEqual(["wte.weight", "head.weight"]);
    const other = new Tied();
    await other.loadStateDict(net.stateDict());
    expect(other.head.weight).toBe(other.wte.weight);
    expect(await other.wte.weight.data()).toEqual(await net.wte.weight.data());
  });

  it("are one state of a compiled step, which gets both gradients", async () => {
    const net = new Tied();
    const [x, target] = [tensor(Int32Array.of(1, 2, 6)), tensor(Int32Array.of(2, 3, 0))];
    const loss = new nn.CrossEntropyLoss();
    loss.forward(net.forward(x), target).backward();
    const expected = await net.wte.weight.grad!.data();
    const trainer = await compileTraining(net, {
      inputs: [{ shape: [3], dtype: "int32" }],
      loss,
      optimizer: new optim.SGD(net.parameters(), { lr: 0.5 }),
    });
    expect([...trainer.portable.states.keys()]).toEqual(["wte.weight"]);
    const { gradients } = await trainer.gradients(x, target);
    const given = await gradients["wte.weight"].data();
    // The same sums in another order: a few roundings of numbers below 1.
    expect(Math.max(...given.map((value, k) => Math.abs(value - expected[k])))).toBeLessThan(1e-6);
    await trainer.step(x, target);
    expect(await net.head.weight.data()).toEqual(await net.wte.weight.data());
  });
});

it("buffers are in it unless they are not persistent, be they registered or made as such", async () => {
  class Buffered extends nn.Module {
    mean = new nn.Buffer(tensor([1, 2]));
    scratch = new nn.Buffer(zeros(3), { persistent: false });
    plain = zeros(1);
    declare other: Tensor;

    constructor() {
      super();
      this.registerBuffer("other", ones(1), { persistent: false });
    }

    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const net = new Buffered();
  expect(net.namedBuffers().map(([name]) => name)).toEqual(["mean", "scratch", "other"]);
  expect(Object.keys(net.stateDict())).toEqual(["mean"]);
  expect(net.mean.requiresGrad).toBe(false);
  const from = new Buffered();
  from.mean.fill_(7);
  from.scratch.fill_(7);
  expect(await net.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
  expect([await net.mean.array(), await net.scratch.array()]).toEqual([
    [7, 7],
    [0, 0, 0],
  ]);
  net.registerBuffer("other", ones(2));
  expect(Object.keys(net.stateDict())).toEqual(["mean", "other"]);
  const average = new optim.swaUtils.AveragedModel(from);
  average.updateParameters(from);
  expect(Object.keys(average.stateDict())).toEqual(["n_averaged", "module.mean"]);
  expect(await average.module.buffers()[1].array()).toEqual([7, 7, 7]);
  expect(() => net.registerBuffer("other", ones(2), { persistent: 1 as unknown as boolean })).toThrow(
    "registerBuffer's persistent is true or false, not",
  );
  expect(() => new nn.Buffer([1] as unknown as Tensor)).toThrow("a Buffer is made from a tensor");
});
