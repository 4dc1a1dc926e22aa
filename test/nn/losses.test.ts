/** Losses: the tutorials' figures, what they record, the edges of PyTorch's formulas, and what they refuse. */

import { compileTraining, F, nn, optim, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import { gradientOf, rounded } from "../support/traced.ts";
import { record } from "./recording.ts";

const only = (body: () => Tensor) => {
  const { ops } = record(body);
  expect(ops).toHaveLength(1);
  return ops[0];
};
const int32 = (...values: number[]): Tensor => tensor(Int32Array.from(values));
const scores = zeros(4, 10);
const classes = int32(0, 0, 0, 0);
const none = { reduction: "none" } as const;

describe("the tutorials' figures", () => {
  it.each([
    ["L1", new nn.L1Loss(), [1, 2, 3], [2, 2, 2], 0.6667],
    ["L1, summed", new nn.L1Loss({ reduction: "sum" }), [1, 2, 3], [2, 2, 2], 2],
    ["MSE", new nn.MSELoss(), [1, 2, 3], [1, 2, 5], 1.3333],
    ["MSE, summed", new nn.MSELoss({ reduction: "sum" }), [1, 2, 3], [1, 2, 5], 4],
  ])("%s", async (_, loss, input, target, figure) => {
    expect(await loss.forward(tensor(input), tensor(target)).item()).toBeCloseTo(figure, 4);
  });

  it("cross-entropy", async () => {
    const loss = new nn.CrossEntropyLoss().forward(tensor([[0.1, 0.2, 0.3]]), int32(1));
    expect(await loss.item()).toBeCloseTo(1.1019, 4);
  });
});

describe("what is recorded", () => {
  it("is log-probabilities and their loss for cross-entropy", () => {
    const { ops, result } = record(() => new nn.CrossEntropyLoss().forward(scores, classes));
    expect(ops.map(({ op, attrs }) => [op, attrs])).toEqual([
      ["log_softmax", { axis: 1 }],
      ["nll_loss", { reduction: "mean", ignoreIndex: -100 }],
    ]);
    expect(result.shape).toEqual([]);
    const single = record(() => F.crossEntropy(zeros(10), tensor(Int32Array.of(3), { shape: [] })));
    expect(single.ops[0].attrs).toEqual({ axis: 0 });
  });

  it("is one operation for each loss that PyTorch has one for", () => {
    expect(only(() => new nn.MSELoss().forward(scores, scores))).toMatchObject({
      op: "mse_loss",
      attrs: { reduction: "mean" },
    });
    expect(only(() => new nn.L1Loss({ reduction: "sum" }).forward(scores, scores))).toMatchObject({
      op: "l1_loss",
      attrs: { reduction: "sum" },
    });
    expect(only(() => new nn.HuberLoss("none", 2).forward(scores, scores))).toMatchObject({
      op: "huber_loss",
      attrs: { reduction: "none", delta: 2 },
    });
    expect(only(() => F.mseLoss(scores, scores, none)).output.shape).toEqual([4, 10]);
    expect(only(() => F.nllLoss(scores, classes, none)).output.shape).toEqual([4]);
    const weighted = only(() => F.nllLoss(scores, classes, { weight: zeros(10), ignoreIndex: 3 }));
    expect(weighted.attrs).toEqual({ reduction: "mean", ignoreIndex: 3 });
    expect(weighted.inputs).toHaveLength(3);
  });
});

describe("as modules", () => {
  it("hold their weights as buffers under PyTorch's keys", async () => {
    const weight = tensor([1, 2, 3]);
    const loss = new nn.CrossEntropyLoss({ weight });
    expect(Object.keys(loss.stateDict())).toEqual(["weight"]);
    expect(loss.parameters()).toEqual([]);
    const { ignoreIndex, ...state } = new nn.NLLLoss(weight, { ignoreIndex: 2 });
    expect([ignoreIndex, state.weight]).toEqual([2, weight]);
    const logits = new nn.BCEWithLogitsLoss({ posWeight: weight, weight });
    expect(Object.keys(logits.stateDict())).toEqual(["weight", "pos_weight"]);
    await loss.loadStateDict({ weight: tensor([4, 5, 6]) });
    const one = loss.forward(tensor([[0, 0, 0]]), int32(2));
    expect(await one.item()).toBeCloseTo(Math.log(3), 6);
    const sum = new nn.CrossEntropyLoss({ weight: loss.weight!, reduction: "sum" });
    expect(await sum.forward(tensor([[0, 0, 0]]), int32(2)).item()).toBeCloseTo(6 * Math.log(3), 5);
  });

  it("print as PyTorch prints them", () => {
    const losses = [new nn.CrossEntropyLoss({ ignoreIndex: 3 }), new nn.HuberLoss(), new nn.KLDivLoss()];
    expect(losses.map(String)).toEqual(["CrossEntropyLoss()", "HuberLoss()", "KLDivLoss()"]);
  });

  it("know the targets they want", () => {
    const type = (...shape: number[]) => ({ dtype: "float32", shape }) as const;
    const loss = new nn.CrossEntropyLoss();
    expect(loss.targetType(type(64, 10))).toEqual({ dtype: "int32", shape: [64] });
    expect(new nn.NLLLoss().targetType(type(2, 10, 5, 6))).toEqual({ dtype: "int32", shape: [2, 5, 6] });
    expect(loss.targetType(type(10))).toEqual({ dtype: "int32", shape: [] });
    expect(() => loss.targetType(type())).toThrow(
      "CrossEntropyLoss expects scores [N,C,…] or [C] but the model gives",
    );
    for (const same of [new nn.MSELoss(), new nn.BCELoss(), new nn.KLDivLoss(), new nn.HingeEmbeddingLoss()])
      expect(same.targetType(type(3, 2))).toEqual(type(3, 2));
    expect(() => new nn.MarginRankingLoss().targetType()).toThrow(
      "MarginRankingLoss compares two outputs with one target: tell compileTraining the target's shape",
    );
  });
});

describe("the edges of the formulas", () => {
  it("make the mean over no target NaN, with gradient 0", async () => {
    const ignored = int32(-100, -100);
    const loss = (x: Tensor): Tensor => F.crossEntropy(x, ignored, { ignoreIndex: -100 });
    const input = [
      [1, 2],
      [3, 4],
    ];
    expect(await loss(tensor(input)).item()).toBeNaN();
    expect(await gradientOf(loss, input)).toEqual([0, 0, 0, 0]);
    const sum = F.crossEntropy(tensor(input), ignored, { ignoreIndex: -100, reduction: "sum" });
    expect(await sum.item()).toBe(0);
    const smoothed = F.crossEntropy(tensor(input), ignored, { ignoreIndex: -100, labelSmoothing: 0.1 });
    expect(await smoothed.item()).toBeNaN();
  });

  it("keep ignored scores out of loss and gradient, whatever they are", async () => {
    const infinite = [
      [1, Number.NEGATIVE_INFINITY],
      [0, 0],
    ];
    const loss = (x: Tensor): Tensor => F.nllLoss(x, int32(1, 0), { ignoreIndex: 1 });
    expect(await loss(tensor(infinite)).item()).toBe(0);
    // The only target that counts is the second row's, with weight 1.
    expect((await gradientOf(loss, infinite)).map((v) => v + 0)).toEqual([0, 0, -1, 0]);
  });

  it("hold the logarithms of certainties at -100", async () => {
    const p = tensor([0, 1, 0, 1]);
    expect(await rounded(F.binaryCrossEntropy(p, tensor([0, 1, 1, 0]), none).abs())).toEqual([
      0, 0, 100, 100,
    ]);
    const gradient = await gradientOf((x) => F.binaryCrossEntropy(x, tensor([0, 0.5]), none), [0, 0.5]);
    expect(gradient).toEqual([0, 0]);
  });

  it("never overflow for logits", async () => {
    const x = [1000, -1000, 1000, -1000];
    const target = tensor([1, 0, 0, 1]);
    const loss = (input: Tensor): Tensor => F.binaryCrossEntropyWithLogits(input, target, none);
    expect(await loss(tensor(x)).data()).toEqual(Float32Array.of(0, 0, 1000, 1000));
    expect(await gradientOf(loss, x)).toEqual([0, 0, 1, -1]);
  });

  it("take 0·log 0 as 0 in the divergence", async () => {
    const loss = F.klDiv(tensor([-1, -2]), tensor([0, 1]), none);
    expect(await loss.data()).toEqual(Float32Array.of(0, 2));
  });

  it("take margin targets as whole numbers too", async () => {
    const loss = new nn.MarginRankingLoss({ margin: 1, reduction: "none" });
    expect(await loss.forward(tensor([3, 3]), tensor([1, 1]), int32(1, -1)).data()).toEqual(
      Float32Array.of(0, 3),
    );
  });
});

describe("compiled", () => {
  const options = (inputs: number[][]) => ({ inputs, backend: "interpret" as const });

  it("cross-entropy accepts the label that it ignores, and no other outside of the classes", async () => {
    const net = new nn.Linear(2, 3);
    const trainer = await compileTraining(net, {
      ...options([[4, 2]]),
      loss: new nn.CrossEntropyLoss({ ignoreIndex: -1 }),
      optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
    });
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8], { shape: [4, 2] });
    expect(await trainer.step(x, int32(0, -1, 2, -1))).toBeGreaterThan(0);
    await expect(trainer.step(x, int32(0, -2, 2, 1))).rejects.toThrow(
      "the label -2 at position 1 of the target [4] is outside of the 3 classes 0..2",
    );
    await trainer.dispose();
  });

  it("smoothed cross-entropy checks its labels as well", async () => {
    const net = new nn.Linear(2, 3);
    const trainer = await compileTraining(net, {
      ...options([[1, 2]]),
      loss: new nn.CrossEntropyLoss({ labelSmoothing: 0.1, weight: tensor([1, 2, 3]) }),
      optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
    });
    await expect(trainer.step(tensor([[1, 2]]), int32(-1))).rejects.toThrow(
      "the label -1 at position 0 of the target [1] is outside of the 3 classes 0..2; ignoreIndex names",
    );
    await trainer.dispose();
  });

  it("losses of pairs take both outputs of a model and the targets that are told", async () => {
    class Twins extends nn.Module {
      left = new nn.Linear(2, 3);
      right = new nn.Linear(2, 3);
      forward(x: Tensor): Tensor[] {
        return [this.left.forward(x), this.right.forward(x)];
      }
    }
    const net = new Twins();
    const trainer = await compileTraining(net, {
      ...options([[4, 2]]),
      targets: [[4]],
      loss: new nn.CosineEmbeddingLoss(0.1),
      optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
    });
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8], { shape: [4, 2] });
    const losses = [];
    for (let step = 0; step < 20; step++) losses.push(await trainer.step(x, tensor([1, 1, 1, 1])));
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
    await trainer.dispose();
  });
});

describe("what is refused", () => {
  const wide = zeros(4, 9);
  it.each<[string, () => Tensor, string]>([
    [
      "CrossEntropyLoss",
      () => F.crossEntropy(scores, zeros(4)),
      "must be int32[4] but are float32[4]: make whole numbers of them with .int()",
    ],
    [
      "CrossEntropyLoss",
      () => F.crossEntropy(scores, wide),
      "probabilities of classes must be float32[4,10]",
    ],
    ["CrossEntropyLoss", () => F.crossEntropy(zeros(), classes), "but got a single number"],
    ["CrossEntropyLoss", () => F.crossEntropy(scores, int32(1)), "must be int32[4] but are int32[1]"],
    [
      "CrossEntropyLoss, smoothed",
      () => F.crossEntropy(scores, int32(1), { labelSmoothing: 0.1 }),
      "must be int32[4] but are int32[1]",
    ],
    [
      "CrossEntropyLoss, weighted",
      () => F.crossEntropy(scores, classes, { weight: zeros(9) }),
      "the class weights of float32[4,10] must be float32[10] but are float32[9]",
    ],
    [
      "CrossEntropyLoss, weighted and smoothed",
      () => F.crossEntropy(scores, classes, { weight: zeros(9), labelSmoothing: 0.1 }),
      "the class weights of float32[4,10] must be float32[10] but are float32[9]",
    ],
    [
      "CrossEntropyLoss of probabilities",
      () => F.crossEntropy(scores, scores, { ignoreIndex: 1 }),
      "ignoreIndex is for class targets, not probabilities",
    ],
    [
      "CrossEntropyLoss",
      () => F.crossEntropy(scores, int32(0, 1, 10, 2)),
      "the label 10 at position 2 of the target [4] is outside of the 10 classes 0..9",
    ],
    [
      "CrossEntropyLoss, smoothed",
      () => F.crossEntropy(scores, int32(0, 1, -1, 2), { labelSmoothing: 0.1 }),
      "the label -1 at position 2 of the target [4] is outside of the 10 classes 0..9; ignoreIndex names",
    ],
    [
      "CrossEntropyLoss",
      () => F.crossEntropy(scores, undefined as never),
      "expects a tensor as target but got",
    ],
    [
      "HingeEmbeddingLoss",
      () => F.hingeEmbeddingLoss(scores, 1 as never),
      "expects a tensor as target but got",
    ],
    ["NLLLoss", () => F.nllLoss(scores, zeros(4)), "must be int32[4] but are float32[4]"],
    ["MSELoss", () => F.mseLoss(scores, wide), "mseLoss expects input and target of one shape"],
    ["L1Loss", () => F.l1Loss(scores, classes), "l1Loss expects float32 tensors but got int32[4]"],
    [
      "SmoothL1Loss",
      () => F.smoothL1Loss(scores, wide),
      "smoothL1Loss expects input and target of one shape",
    ],
    ["HuberLoss", () => F.huberLoss(scores, wide), "huberLoss expects input and target of one shape"],
    ["BCELoss", () => F.binaryCrossEntropy(scores, wide), "binaryCrossEntropy expects tensors of one shape"],
    [
      "BCELoss, weighted",
      () => F.binaryCrossEntropy(scores, scores, { weight: zeros(9) }),
      "mul cannot combine shapes [4,10] and [9]",
    ],
    [
      "BCEWithLogitsLoss",
      () => F.binaryCrossEntropyWithLogits(scores, classes),
      "binaryCrossEntropyWithLogits expects float32 tensors but got int32[4]",
    ],
    [
      "BCEWithLogitsLoss, weighted",
      () => F.binaryCrossEntropyWithLogits(zeros(10), zeros(10), { posWeight: scores }),
      "binary_cross_entropy_with_logits cannot spread float32[4,10] over float32[10]",
    ],
    [
      "KLDivLoss",
      () => F.klDiv(scores, wide),
      "klDiv expects tensors of one shape but got input float32[4,10]",
    ],
    ["HingeEmbeddingLoss", () => F.hingeEmbeddingLoss(scores, wide), "expects tensors of one shape but got"],
    [
      "MarginRankingLoss",
      () => F.marginRankingLoss(scores, scores, classes),
      "marginRankingLoss expects tensors of one shape but got input1 float32[4,10]",
    ],
    [
      "CosineEmbeddingLoss",
      () => F.cosineEmbeddingLoss(scores, scores, zeros(3)),
      "or [D] with a single target, but got float32[4,10] with float32[3]",
    ],
  ])("%s of other targets or weights", (_, loss, message) => {
    expect(() => record(loss)).toThrow(message);
  });

  it.each<[string, () => unknown, string]>([
    [
      "a reduction",
      () => new nn.MSELoss({ reduction: "average" } as never),
      'MSELoss\'s reduction must be one of mean, sum, none, not "average"',
    ],
    [
      "a name",
      () => new nn.CrossEntropyLoss({ weights: 1 } as object),
      "CrossEntropyLoss has no option weights (did you mean weight?); its options are weight, ignoreIndex, reduction, labelSmoothing",
    ],
    [
      "a smoothing",
      () => new nn.CrossEntropyLoss({ labelSmoothing: 1.5 }),
      "labelSmoothing must be at most 1",
    ],
    ["a weight", () => new nn.NLLLoss({ weight: [1, 2] } as never), "NLLLoss's weight must be a tensor"],
    ["a delta", () => new nn.HuberLoss({ delta: 0 }), "HuberLoss's delta must be positive, not 0"],
    ["a beta", () => new nn.SmoothL1Loss({ beta: -1 }), "beta must be a finite number of at least 0, not -1"],
    ["a margin", () => new nn.MarginRankingLoss("1" as never), "MarginRankingLoss's margin must be a finite"],
    [
      "a reduction",
      () => new nn.KLDivLoss({ reduction: "batch" } as never),
      "one of mean, sum, none, batchmean",
    ],
  ])("%s that is not one", (_, construct, message) => {
    expect(construct).toThrow(message);
  });
});
