/** Operations on tensors without elements against PyTorch: results and gradients, interactive and in programs of every backend. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { allocate } from "../../src/core/dtype.ts";
import { KilnError } from "../../src/core/errors.ts";
import { type Shape, sizeOf } from "../../src/core/shape.ts";
import {
  cat,
  compile,
  compileTraining,
  F,
  nn,
  ones,
  optim,
  stack,
  type Tensor,
  tensor,
  where,
  zeros,
} from "../../src/index.ts";
import { traceModel } from "../../src/trace/trace.ts";
import { relativeError, runGraph } from "../support/run-graph.ts";

const none = tensor([], { dtype: "int32" });

const FUNCTIONS: Readonly<Record<string, (...inputs: Tensor[]) => Tensor>> = {
  sum: (x) => x.sum(),
  "sum 0": (x) => x.sum(0),
  "sum 1": (x) => x.sum(1),
  "sum 0, keepdim": (x) => x.sum(0, true),
  mean: (x) => x.mean(),
  "mean 0": (x) => x.mean(0),
  "mean 1": (x) => x.mean(1),
  prod: (x) => x.prod(),
  "prod 0": (x) => x.prod(0),
  "prod 1": (x) => x.prod(1),
  "any 0": (x) => x.any(0).float(),
  "all 0": (x) => x.all(0).float(),
  any: (x) => x.any().float(),
  all: (x) => x.all().float(),
  var: (x) => x.var(),
  norm: (x) => x.norm(),
  "logsumexp 0": (x) => x.logsumexp(0),
  amax: (x) => x.amax(),
  "amax 0": (x) => x.amax(0),
  "amax 1": (x) => x.amax(1),
  "amin 0": (x) => x.amin(0),
  "amin 1": (x) => x.amin(1),
  max: (x) => x.max(),
  "max 0": (x) => x.max(0).values,
  "max 1": (x) => x.max(1).values,
  argmax: (x) => x.argmax().float(),
  "argmax 0": (x) => x.argmax(0).float(),
  "argmax 1": (x) => x.argmax(1).float(),
  "argmin 0": (x) => x.argmin(0).float(),
  "cumsum 0": (x) => x.cumsum(0),
  "softmax 0": (x) => x.softmax(0),
  "softmax 1": (x) => x.softmax(1),
  "logSoftmax 0": (x) => x.logSoftmax(0),
  relu: (x) => x.relu(),
  pow: (x) => x.pow(2),
  clamp: (x) => x.clamp(0, 1),
  where: (x) => where(x.gt(0), x, 1),
  add: (x, y) => x.add(y),
  mul: (x, y) => x.mul(y),
  div: (x, y) => x.div(y),
  "add 0 and 2": (x, y) => x.add(y),
  cat: (x, y, z) => cat([x, y, z]),
  "cat of nothing": (x, y) => cat([x, y], 1),
  "cat with []": (x, y) => cat([x, y], 1),
  stack: (x, y) => stack([x, y]),
  "matmul inner": (x, y) => x.matmul(y),
  "matmul outer": (x, y) => x.matmul(y),
  "matmul batch": (x, y) => x.matmul(y),
  "bmm inner": (x, y) => x.bmm(y),
  dot: (x, y) => x.dot(y),
  "reshape -1": (x) => x.reshape(-1),
  "reshape 0, -1": (x) => x.reshape(0, -1),
  "reshape -1, 2": (x) => x.reshape(-1, 2),
  "reshape 2": (x) => x.reshape(2),
  flatten: (x) => x.flatten(1),
  permute: (x) => x.permute(2, 0, 1),
  flip: (x) => x.flip(0),
  slice: (x) => x.slice(0, 2, 1),
  narrow: (x) => x.narrow(0, 4, 0),
  "narrow, then sum": (x) => x.narrow(0, 1, 0).sum(0),
  select: (x) => x.select(0, 0),
  expand: (x) => x.expand(0, 3),
  "expand 2": (x) => x.expand(2, 3),
  chunk: (x) => x.chunk(2)[1],
  split: (x) => x.split(2)[0],
  "split 0, 3": (x) => x.split([0, 3])[0],
  pad: (x) => F.pad(x, [0, 1, 1, 1], "constant", 7),
  "pad reflect": (x) => F.pad(x, [1, 1], "reflect"),
  "pad replicate": (x) => F.pad(x, [1, 1], "replicate"),
  gather: (x) => x.gather(0, zeros(0, 3, { dtype: "int32" })),
  "gather from nothing": (x) => x.gather(0, zeros(1, 3, { dtype: "int32" })),
  linear: (x, w, b) => F.linear(x, w, b),
  "linear without features": (x, w, b) => F.linear(x, w, b),
  "linear, then mean": (x, w) => F.linear(x, w).mean(),
  conv2d: (x, w, b) => F.conv2d(x, w, b),
  "conv2d without rows": (x, w) => F.conv2d(x, w, undefined, { padding: 2 }),
  convTranspose2d: (x, w) => F.convTranspose2d(x, w),
  maxPool2d: (x) => F.maxPool2d(x, 2),
  "maxPool2d without rows": (x) => F.maxPool2d(x, 2, { padding: 1 }),
  avgPool2d: (x) => F.avgPool2d(x, 2),
  adaptiveAvgPool2d: (x) => F.adaptiveAvgPool2d(x, 2),
  layerNorm: (x, w, b) => F.layerNorm(x, [3], w, b),
  batchNorm: (x, w, b) => F.batchNorm(x, undefined, undefined, w, b, true),
  embedding: (w) => F.embedding(none, w),
  mseLoss: (x, y) => F.mseLoss(x, y),
  "mseLoss sum": (x, y) => F.mseLoss(x, y, { reduction: "sum" }),
  l1Loss: (x, y) => F.l1Loss(x, y),
  "huberLoss none": (x, y) => F.huberLoss(x, y, { reduction: "none" }),
  binaryCrossEntropyWithLogits: (x, y) => F.binaryCrossEntropyWithLogits(x, y),
  crossEntropy: (x) => F.crossEntropy(x, none),
  "crossEntropy sum": (x) => F.crossEntropy(x, none, { reduction: "sum" }),
  "crossEntropy none": (x) => F.crossEntropy(x, none, { reduction: "none" }),
  "nllLoss weighted": (x) => F.nllLoss(x, none, { weight: tensor([1, 2, 3]) }),
};

interface Numbers {
  readonly shape: Shape;
  readonly data: readonly (number | string)[];
}

interface Case {
  readonly shapes: readonly Shape[];
  readonly refused?: string;
  readonly output?: Numbers;
  readonly gradients?: readonly Numbers[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/empty_tensors.json", import.meta.url), "utf8"),
) as { readonly cases: Readonly<Record<string, Case>>; readonly printed: Readonly<Record<string, string>> };

const inputsOf = ({ shapes }: Case): Tensor[] =>
  shapes.map((shape) =>
    tensor(
      Float32Array.from({ length: sizeOf(shape) }, (_, k) => (k + 1) / 8),
      { shape, requiresGrad: true },
    ),
  );

/** PyTorch and we add few numbers of few digits: what differs is the last bits of one elementary function. */
const TOLERANCE = 1e-6;

const expectNumbers = (actual: ArrayLike<number>, { data }: Numbers): void => {
  expect(actual.length).toBe(data.length);
  expect(relativeError(actual, data.map(Number)), `${[...Array.from(actual)]} for ${data}`).toBeLessThan(
    TOLERANCE,
  );
};

const entries = Object.entries(fixture.cases);
const given = entries.filter(([, { refused }]) => refused === undefined);

test("every case of PyTorch's has a function here", () => {
  expect(Object.keys(FUNCTIONS)).toEqual(Object.keys(fixture.cases));
});

test.each(entries.filter(([, { refused }]) => refused !== undefined))("%s is refused", async (name, own) => {
  await expect((async () => FUNCTIONS[name](...inputsOf(own)).data())()).rejects.toThrow(KilnError);
});

test.each(given)("%s, interactive", async (name, own) => {
  const inputs = inputsOf(own);
  const output = FUNCTIONS[name](...inputs);
  expect(output.shape).toEqual(own.output?.shape);
  expectNumbers(await output.data(), own.output!);
  if (!output.requiresGrad) return;
  output.sum().backward();
  for (const [k, input] of inputs.entries()) {
    if (input.grad !== null) expectNumbers(await input.grad.data(), own.gradients![k]);
    else expect(own.gradients![k].data.every((v) => v === 0)).toBe(true);
  }
});

const BACKENDS = await Promise.all(["interpret", "js", "wasm", "gpujs:cpu"].map(backendNamed));

describe.each(BACKENDS)("a program on $name", (backend: Backend) => {
  test.each(given)("%s", async (name, own) => {
    const inputs = inputsOf(own);
    const traced = (forward: () => Tensor) =>
      traceModel(
        {
          forward,
          namedModules: () => [],
          namedParameters: () => inputs.map((input, k) => [`x${k}`, input] as const),
          namedBuffers: () => [],
        },
        [],
      );
    const run = (forward: () => Tensor, gradientsFor?: readonly string[]) => {
      const { graph, states } = traced(forward);
      const values = Object.fromEntries([...states].map(([key, state]) => [key, state.peek()!]));
      return runGraph(graph, backend, values, gradientsFor === undefined ? {} : { gradientsFor });
    };
    const output = () => FUNCTIONS[name](...inputs);
    expectNumbers((await run(output)).output, own.output!);
    const learned = new Set(
      inputs.flatMap((_, k) => (own.gradients![k].data.some((v) => v !== 0) ? [`x${k}`] : [])),
    );
    if (!output().requiresGrad) return;
    const results = await run(
      () => output().sum(),
      inputs.map((_, k) => `x${k}`),
    );
    for (const [k, gradient] of own.gradients!.entries()) {
      const actual = results[`grad.x${k}`] ?? allocate("float32", gradient.data.length);
      expect(results[`grad.x${k}`] !== undefined || !learned.has(`x${k}`)).toBe(true);
      expectNumbers(actual, gradient);
    }
  });
});

test.each(Object.entries(fixture.printed))("%s prints as in PyTorch", async (name, text) => {
  const [, extents, rest] = /^\[(.*)\] ?(.*)$/.exec(name)!;
  const shape = extents.split(",").map(Number);
  const dtype = rest === "int32" || rest === "bool" ? rest : "float32";
  const made = zeros(shape, { dtype, requiresGrad: rest === "requires_grad" });
  expect(await made.format()).toBe(text);
});

test("what stands in no list makes no numbers", async () => {
  expect(tensor([]).shape).toEqual([0]);
  expect(tensor([[], []]).shape).toEqual([2, 0]);
  expect(await zeros(2, 0).array()).toEqual([[], []]);
  expect(await zeros(0, 2).array()).toEqual([]);
  await expect(zeros(0).item()).rejects.toThrow("one element");
});

test("messages name the operation that was called, and what is missing", () => {
  expect(() => zeros(0, 3).amax(0)).toThrow("amax of [0,3] has nothing to choose from: axis 0 has extent 0");
  expect(() => zeros(0, 3).argmin()).toThrow("argmin of [0,3] has nothing to choose from");
  expect(() => zeros(2, 0).max(1)).toThrow("max of [2,0] has nothing to choose from: axis 1");
  expect(() => zeros(0, 3).reshape(0, -1)).toThrow("next to an extent of 0, -1 could be any number");
});

/** A convolutional net that is given the first `count` images alone. */
class FirstImages extends nn.Module {
  readonly conv = new nn.Conv2d(1, 2, 3);
  readonly norm = new nn.BatchNorm2d(2);
  readonly drop = new nn.Dropout(0.5);
  readonly fc = new nn.Linear(8, 2);

  constructor(private readonly count: number) {
    super();
  }

  override forward(x: Tensor): Tensor {
    const features = this.norm.forward(this.conv.forward(x.narrow(0, 0, this.count)));
    return this.fc.forward(this.drop.forward(features.relu().flatten(1)));
  }
}

/** The loss of as many targets as there are outputs. */
class LossOfFirst extends nn.Module {
  constructor(private readonly reduction: "sum" | "mean") {
    super();
  }

  override forward(output: Tensor, target: Tensor): Tensor {
    return F.mseLoss(output, target.narrow(0, 0, output.shape[0]), { reduction: this.reduction });
  }
}

describe.each(BACKENDS)("a model on $name", ({ name: backend }) => {
  test("computes nothing from no images", async () => {
    const program = await compile(new FirstImages(0), { inputs: [[3, 1, 4, 4]], backend });
    const output = await program.run(ones(3, 1, 4, 4));
    expect(output.shape).toEqual([0, 2]);
  });

  const trainerOf = (model: FirstImages, reduction: "sum" | "mean") =>
    compileTraining(model, {
      inputs: [[3, 1, 4, 4]],
      targets: [[3, 2]],
      loss: new LossOfFirst(reduction),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
      backend,
    });

  // As in PyTorch all gradients are 0, and the running statistics stay.
  test("learns nothing from no images", async () => {
    const model = new FirstImages(0);
    const before = await model.fc.weight.data();
    const trainer = await trainerOf(model, "sum");
    expect(await trainer.step(ones(3, 1, 4, 4), ones(3, 2))).toBe(0);
    expect(await model.fc.weight.data()).toEqual(before);
    expect(await model.norm.runningMean!.array()).toEqual([0, 0]);
    expect(await model.norm.runningVar!.array()).toEqual([1, 1]);
  });

  test("says that the mean of no losses is NaN", async () => {
    const trainer = await trainerOf(new FirstImages(0), "mean");
    await expect(trainer.step(ones(3, 1, 4, 4), ones(3, 2))).rejects.toThrow("the loss of step 1 is NaN");
  });
});
