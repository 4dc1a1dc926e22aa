/** What batch normalisation does to its buffers, when it refuses, and into which kernels it compiles. */

import { compile, compileTraining, F, nn, noGrad, ones, optim, rand, type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import { js } from "../../backends/js/backend.ts";
import { PassManager } from "../../passes/manager.ts";
import { runPipeline } from "../../passes/pipeline.ts";
import { traceModel } from "../../src/trace/trace.ts";

const BACKENDS = ["js", "interpret"] as const;

const numbers = async (t: Tensor | undefined): Promise<number[]> => Array.from(await t!.data());

const buffersOf = async (module: nn.Module): Promise<number[][]> =>
  Promise.all(module.buffers().map(numbers));

/** [0, 2] and [10, 30]: mean 1 and 20, unbiased variance 2 and 200. */
const BATCH = tensor([
  [0, 10],
  [2, 30],
]);

describe("state", () => {
  it("stands under PyTorch's keys, in its order, and under names in camelCase", () => {
    const layer = new nn.BatchNorm2d(3);
    expect(Object.keys(layer.stateDict())).toEqual([
      "weight",
      "bias",
      "running_mean",
      "running_var",
      "num_batches_tracked",
    ]);
    expect(layer.runningMean).toBe(layer.stateDict().running_mean);
    expect(layer.runningVar).toBe(layer.stateDict().running_var);
    expect(layer.numBatchesTracked).toMatchObject({ dtype: "int32", shape: [] });
    expect(Object.keys(new nn.BatchNorm1d(3, { trackRunningStats: false }).stateDict())).toEqual([
      "weight",
      "bias",
    ]);
    expect(Object.keys(new nn.BatchNorm1d(3, { affine: false }).stateDict())).toHaveLength(3);
  });

  it.each(BACKENDS)("changes after each run of a training program alone, on %s", async (backend) => {
    const layer = new nn.BatchNorm1d(2);
    const training = await compile(layer, { inputs: [[2, 2]], mode: "train", backend });
    const evaluation = await compile(layer, { inputs: [[2, 2]], backend });
    await training.run(BATCH);
    const [mean, variance, count] = await buffersOf(layer);
    expect(mean.map((v) => +v.toFixed(5))).toEqual([0.1, 2]);
    expect(variance.map((v) => +v.toFixed(5))).toEqual([1.1, 20.9]);
    expect(count).toEqual([1]);
    const y = await numbers(await evaluation.run(BATCH));
    expect(y[0]).toBeCloseTo(-0.1 / Math.sqrt(1.1 + 1e-5), 5);
    expect(await buffersOf(layer)).toEqual([mean, variance, count]);
    await training.run(BATCH);
    expect(await numbers(layer.numBatchesTracked)).toEqual([2]);
  });

  it.each(BACKENDS)("is a plain average without momentum, on %s", async (backend) => {
    const layer = new nn.BatchNorm1d(2, { momentum: null });
    const program = await compile(layer, { inputs: [[2, 2]], mode: "train", backend });
    for (const scale of [1, 3, 5]) await program.run(noGrad(() => BATCH.mul(scale)));
    const [mean, variance] = await buffersOf(layer);
    // (1 + 3 + 5)/3 times the mean, (1 + 9 + 25)/3 times the variance.
    expect(mean.map((v) => +v.toFixed(4))).toEqual([3, 60]);
    expect(variance.map((v) => +v.toFixed(2))).toEqual([23.33, 2333.33]);
  });

  it("moves the same way in steps of interactive use", async () => {
    const layer = new nn.BatchNorm1d(2);
    const compiled = new nn.BatchNorm1d(2);
    const program = await compile(compiled, { inputs: [[2, 2]], mode: "train" });
    for (let turn = 0; turn < 3; turn++) {
      layer.forward(BATCH);
      await program.run(BATCH);
    }
    expect(await buffersOf(layer)).toEqual(await buffersOf(compiled));
  });
});

describe("a trainer", () => {
  class Net extends nn.Module {
    readonly norm = new nn.BatchNorm1d(2);
    readonly fc = new nn.Linear(2, 3);
    forward(x: Tensor): Tensor {
      return this.fc.forward(this.norm.forward(x).log1p());
    }
  }
  const labels = tensor(Int32Array.of(0, 2));
  const batch = tensor([
    [1, 1],
    [1.5, 2],
  ]);

  it.each(BACKENDS)(
    "updates buffers with the step, and leaves them when there is none, on %s",
    async (backend) => {
      const net = new Net();
      noGrad(() => net.norm.weight!.fill_(0.5));
      const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
      const options = { inputs: [[2, 2]], loss: new nn.CrossEntropyLoss(), optimizer, backend };
      const trainer = await compileTraining(net, options);
      const before = await buffersOf(net);
      await trainer.gradients(batch, labels);
      expect(await buffersOf(net)).toEqual(before);
      await trainer.step(batch, labels);
      const after = await buffersOf(net);
      expect(after[2]).toEqual([1]);
      expect(after[0][0]).toBeCloseTo(0.125, 5);
      const parameters = await Promise.all(net.parameters().map(numbers));
      const bad = tensor([
        [Number.POSITIVE_INFINITY, 1],
        [1, 2],
      ]);
      await expect(trainer.step(bad, labels)).rejects.toThrow("the loss of step 2 is NaN: the input x");
      expect(await buffersOf(net)).toEqual(after);
      expect(await Promise.all(net.parameters().map(numbers))).toEqual(parameters);
      expect(trainer.batchNumber).toBe(1);
    },
  );

  it("updates buffers for every batch of an accumulated update", async () => {
    const net = new Net();
    // Of values from -1 to 1 the half has a logarithm of 1 plus it.
    noGrad(() => net.norm.weight!.fill_(0.5));
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const options = { inputs: [[2, 2]], loss: new nn.CrossEntropyLoss(), optimizer, accumulate: 2 };
    const trainer = await compileTraining(net, options);
    for (let k = 0; k < 4; k++) await trainer.step(batch, labels);
    expect(await numbers(net.norm.numBatchesTracked)).toEqual([4]);
    expect(trainer.stepCount).toBe(2);
  });
});

describe("as a function", () => {
  const [mean, variance, weight, bias] = [tensor([1, 2]), tensor([4, 9]), tensor([2, 3]), tensor([5, 7])];

  it("takes its options by position, in PyTorch's order, or by name", async () => {
    const x = tensor([[3, 5]]);
    const expected = [2 * (2 / 2) + 5, 3 * (3 / 3) + 7];
    expect(await numbers(F.batchNorm(x, mean, variance, weight, bias, false, 0.1, 0))).toEqual(expected);
    expect(await numbers(F.batchNorm(x, mean, variance, { weight, bias, eps: 0 }))).toEqual(expected);
    expect(await numbers(F.batchNorm(x, mean, variance, undefined, undefined, false, 0.1, 0))).toEqual([
      1, 1,
    ]);
  });

  it("moves the statistics that it is given while training, and needs none", async () => {
    const [runningMean, runningVar] = [tensor([0, 0]), tensor([1, 1])];
    const y = F.batchNorm(BATCH, runningMean, runningVar, undefined, undefined, true, 0.5, 0);
    expect(await numbers(y)).toEqual([-1, -1, 1, 1]);
    expect(await numbers(runningMean)).toEqual([0.5, 10]);
    expect(await numbers(runningVar)).toEqual([1.5, 100.5]);
    expect(await numbers(F.batchNorm(BATCH, undefined, undefined, { training: true, eps: 0 }))).toEqual([
      -1, -1, 1, 1,
    ]);
  });
});

describe("kernels", () => {
  class Block extends nn.Module {
    readonly conv = new nn.Conv2d(1, 4, 3);
    readonly norm = new nn.BatchNorm2d(4);
    forward(x: Tensor): Tensor {
      return F.maxPool2d(F.relu(this.norm.forward(this.conv.forward(x))), 2);
    }
  }

  const kernelsOf = (training: boolean): string[] => {
    const model = new Block().train(training);
    const { graph } = traceModel(model, [{ dtype: "float32", shape: [2, 1, 8, 8] }]);
    const plan = runPipeline(new PassManager(), graph, { capabilities: js.capabilities });
    return plan.kernels.map(({ ops }) => [...new Set(ops)].filter((op) => op !== "constant").join(" "));
  };

  it("normalisation, relu and pooling are one of four in training, all in one in evaluation", () => {
    expect(kernelsOf(true)).toEqual([
      "conv2d",
      "mean",
      "squared_deviation mean",
      "add sqrt div center_scale relu max_pool2d",
      "add mul copy",
    ]);
    expect(kernelsOf(false)).toEqual(["conv2d add sqrt div center_scale relu max_pool2d"]);
  });

  it("in evaluation follow a convolution correctly under every strategy", async () => {
    const net = new Block();
    await (await compile(net, { inputs: [[2, 1, 8, 8]], mode: "train" })).run(rand(2, 1, 8, 8));
    const x = rand(2, 1, 8, 8);
    const oracle = await compile(net, { inputs: [[2, 1, 8, 8]], backend: "interpret" });
    const expected = await numbers(await oracle.run(x));
    for (const strategy of ["plain", "tile"]) {
      const program = await compile(net, { inputs: [[2, 1, 8, 8]], strategy });
      const actual = await numbers(await program.run(x));
      // Sums of nine products, scaled, in float32 against double.
      for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 5);
    }
  });
});

it("does not lose small deviations from a large mean", async () => {
  const x = tensor(
    Float32Array.from({ length: 64 }, (_, i) => 10_000 + (i % 2)),
    { shape: [64, 1] },
  );
  const program = await compile(new nn.BatchNorm1d(1, { affine: false }), {
    inputs: [[64, 1]],
    mode: "train",
  });
  const y = await numbers(await program.run(x));
  // The variance is 1/4, so the numbers are ∓1 up to eps; mean(x²) - mean(x)² would be off by whole numbers.
  for (const [i, value] of y.entries()) expect(value).toBeCloseTo(i % 2 === 0 ? -1 : 1, 3);
});

it.each([1, null])(
  "keeps nothing of huge old statistics that count for nothing: momentum %s",
  async (momentum) => {
    const norm = new nn.BatchNorm1d(2, { momentum });
    noGrad(() => {
      norm.running_mean!.fill_(1e10);
      norm.running_var!.fill_(1e10);
    });
    norm.forward(BATCH);
    expect((await buffersOf(norm)).slice(0, 2)).toEqual([
      [1, 20],
      [2, 200],
    ]);
  },
);

it("refuses what PyTorch refuses, in its words", async () => {
  const single = "Expected more than 1 value per channel when training, got input size [1, 3]";
  expect(() => new nn.BatchNorm1d(3).forward(ones(1, 3))).toThrow(single);
  await expect(compile(new nn.BatchNorm1d(3), { inputs: [[1, 3]], mode: "train" })).rejects.toThrow(single);
  await compile(new nn.BatchNorm1d(3), { inputs: [[1, 3]] });
  expect(() => new nn.BatchNorm1d(3).forward(ones(2, 3, 4, 5))).toThrow(
    "BatchNorm1d expected 2D or 3D input (got 4D input)",
  );
  expect(() => new nn.BatchNorm2d(3).forward(ones(2, 3, 4))).toThrow(
    "BatchNorm2d expected 4D input (got 3D input)",
  );
  expect(() => new nn.BatchNorm2d(3).forward(ones(2, 4, 2, 2))).toThrow(
    "BatchNorm2d expects 3 channels but got shape [2,4,2,2]",
  );
  expect(() => F.batchNorm(ones(4, 3), ones(2), ones(3))).toThrow(
    "runningMean has shape [2] but the input [4,3] has 3 channels",
  );
  expect(() => F.batchNorm(ones(4, 3), undefined, undefined)).toThrow(
    "batchNorm needs runningMean and runningVar unless it is training",
  );
});
