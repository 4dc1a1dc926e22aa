/** Printed text, keys, names and shapes of modules, compared with what PyTorch gave for the same ones. */

import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { ones, zeros } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

class Net extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5);
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(16 * 5 * 5, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  forward(x: Tensor): Tensor {
    return x;
  }
}

class BS extends nn.Module {
  model = new nn.Sequential(
    new nn.Conv2d({ inChannels: 3, outChannels: 32, kernelSize: 5, padding: 2 }),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(1024, 64, { bias: false }),
  );

  forward(x: Tensor): Tensor {
    return this.model.forward(x);
  }
}

class Scaled extends nn.Module {
  inner = new nn.Linear(2, 3);
  scale = new nn.Parameter(ones(3));

  constructor() {
    super();
    this.registerBuffer("running_mean", zeros(3));
  }

  forward(x: Tensor): Tensor {
    return x;
  }

  override extraRepr(): string {
    return "first\nsecond";
  }
}

class Tied extends nn.Module {
  scaled = new Scaled();
  fc1 = new nn.Linear(2, 2);
  fc2 = this.fc1;

  forward(x: Tensor): Tensor {
    return x;
  }
}

const MODULES: Record<string, () => nn.Module> = {
  conv: () => new nn.Conv2d(1, 6, 5),
  "conv padded": () => new nn.Conv2d({ inChannels: 1, outChannels: 6, kernelSize: 5, padding: 2 }),
  "conv everything": () =>
    new nn.Conv2d(4, 6, [3, 5], { stride: [2, 1], padding: [0, 1], dilation: 2, groups: 2, bias: false }),
  "conv by position": () => new nn.Conv2d(4, 8, 3, 2, 1, 1, 4),
  linear: () => new nn.Linear({ inFeatures: 400, outFeatures: 120 }),
  "linear without bias": () => new nn.Linear(400, 120, false),
  relu: () => new nn.ReLU(),
  pool: () => new nn.MaxPool2d({ kernelSize: 2 }),
  "pool everything": () =>
    new nn.MaxPool2d([3, 2], { stride: [2, 1], padding: 1, dilation: [2, 1], ceilMode: true }),
  "pool of pairs": () => new nn.MaxPool2d([2, 2]),
  flatten: () => new nn.Flatten(),
  "flatten range": () => new nn.Flatten(0, { endDim: 2 }),
  identity: () => new nn.Identity(),
  "cross-entropy": () => new nn.CrossEntropyLoss(),
  "cross-entropy sum": () => new nn.CrossEntropyLoss({ reduction: "sum" }),
  mse: () => new nn.MSELoss(),
  l1: () => new nn.L1Loss(),
  sequential: () => new nn.Sequential(new nn.Conv2d(1, 20, 5), new nn.ReLU()),
  "sequential empty": () => new nn.Sequential(),
  "sequential named": () =>
    new nn.Sequential([
      ["conv1", new nn.Conv2d(1, 20, 5)],
      ["relu1", new nn.ReLU()],
      ["2", new nn.Linear(2, 1)],
      ["1", new nn.Identity()],
    ]),
  "sequential nested": () =>
    new nn.Sequential(new nn.Sequential(new nn.Linear(2, 3), new nn.Sequential()), new Scaled()),
  Net: () => new Net(),
  BS: () => new BS(),
  Scaled: () => new Scaled(),
  Tied: () => new Tied(),
};

interface Case {
  readonly name: string;
  readonly text: string;
  readonly keys: readonly string[];
  readonly parameters: readonly string[];
  readonly buffers: readonly string[];
  readonly modules: readonly string[];
  readonly children: readonly string[];
  readonly shapes: readonly (readonly number[])[];
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/nn_repr.json", import.meta.url), "utf8")) as {
  readonly modules: readonly Case[];
};

const names = (pairs: Iterable<readonly [string, unknown]>): string[] => Array.from(pairs, ([name]) => name);

describe.each(fixture.modules)("$name", (expected) => {
  const module = MODULES[expected.name]();

  it("prints as in PyTorch", () => {
    expect(String(module)).toBe(expected.text);
    expect(inspect(module)).toBe(expected.text);
  });

  it("has PyTorch's state-dict keys and shapes, in order", () => {
    expect(Object.keys(module.stateDict())).toEqual(expected.keys);
    expect(Object.values(module.stateDict()).map((t) => t.shape)).toEqual(expected.shapes);
  });

  it("lists parameters, buffers and modules as PyTorch does", () => {
    expect(names(module.namedParameters())).toEqual(expected.parameters);
    expect(names(module.namedBuffers())).toEqual(expected.buffers);
    expect(names(module.namedModules())).toEqual(expected.modules);
    expect(names(module.namedChildren())).toEqual(expected.children);
  });
});

it("tests every module that the fixture describes", () => {
  expect(fixture.modules.map(({ name }) => name)).toEqual(Object.keys(MODULES));
});
