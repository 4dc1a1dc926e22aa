/** Losses with margins, of likelihoods and of label sequences: what they refuse, and what compiled training makes of them. */

import { compileTraining, F, nn, optim, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";

const int32 = (...values: number[]): Tensor => tensor(Int32Array.from(values));

/** Three embeddings of one input, as a Siamese net gives them. */
class Triplets extends nn.Module {
  embed = new nn.Linear(3, 2);

  forward(x: Tensor): Tensor[] {
    return x.split(4).map((part) => this.embed.forward(part));
  }
}

describe("compiled training", () => {
  it("takes a loss of three outputs without targets", async () => {
    const net = new Triplets();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    const options = {
      inputs: [[12, 3]],
      loss: new nn.TripletMarginLoss(),
      optimizer,
      backend: "js",
    } as const;
    await expect(compileTraining(net, options)).rejects.toThrow(/three outputs .* targets: \[\]/);
    const trainer = await compileTraining(net, { ...options, targets: [] });
    const x = tensor(
      Float32Array.from({ length: 36 }, (_, k) => Math.sin(k)),
      { shape: [12, 3] },
    );
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) losses.push(await trainer.step(x));
    expect(losses[4]).toBeLessThan(losses[0]);
  });

  it("is told what CTC compares", async () => {
    expect(() => new nn.CTCLoss().targetType()).toThrow(/CTCLoss compares log-probabilities .* targets: \[/);
    expect(() => new nn.GaussianNLLLoss().targetType()).toThrow(
      /GaussianNLLLoss takes a target and variances/,
    );
    expect(new nn.MultiLabelMarginLoss().targetType({ dtype: "float32", shape: [2, 3] })).toEqual({
      dtype: "int32",
      shape: [2, 3],
    });
  });
});

describe("CTC", () => {
  it("is infinite where there are too few frames for the labels", async () => {
    const frames = zeros(2, 1, 3).logSoftmax(2);
    const loss = (targets: Tensor) => F.ctcLoss(frames, targets, [2], [2], 0, "sum").item();
    // Equal labels need a blank between them: three frames.
    expect(await loss(tensor(Int32Array.of(1, 1), { shape: [1, 2] }))).toBe(Number.POSITIVE_INFINITY);
    expect(await loss(tensor(Int32Array.of(1, 2), { shape: [1, 2] }))).toBeCloseTo(2 * Math.log(3), 5);
  });
});

describe("mistakes", () => {
  const scores = zeros(2, 3);
  it.each([
    [
      "CTC's lengths",
      () => F.ctcLoss(zeros(4, 2, 3), int32(1, 1), [5, 4], [1, 1]),
      /from 0 to 4, but one is 5/,
    ],
    ["CTC's labels", () => F.ctcLoss(zeros(4, 2, 3), int32(1, 1), [4, 4], [1, 2]), /add up to 3/],
    [
      "CTC's blank",
      () => F.ctcLoss(zeros(4, 2, 3), int32(1, 1), [4, 4], [1, 1], 3),
      /blank 3 must be one of/,
    ],
    ["margins", () => new nn.TripletMarginLoss({ margin: 0 }), /margin must be above 0, not 0/],
    ["degrees", () => new nn.MultiMarginLoss({ p: 3 as 2 }), /p must be 1 or 2, not 3/],
    ["targets", () => F.multiMarginLoss(scores, int32(1, 2, 0)), /must be int32\[2\] but are int32\[3\]/],
    [
      "label lists",
      () => F.multilabelMarginLoss(scores, zeros(2, 3)),
      /int32 targets but got float32\[2,3\]/,
    ],
    ["variances", () => F.gaussianNllLoss(scores, scores, -1), /at least 0, but one is -1/],
    ["shapes", () => F.gaussianNllLoss(scores, scores, zeros(3)), /expects variances of the input's shape/],
    ["options", () => new nn.PoissonNLLLoss({ logInptu: true } as object), /did you mean logInput/],
    ["distances", () => F.pairwiseDistance(zeros(2), zeros(2), -1), /p must be at least 0/],
  ])("in %s are one clear line", (_, make, message) => {
    expect(make).toThrow(message);
  });
});
