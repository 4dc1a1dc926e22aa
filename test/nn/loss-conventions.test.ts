/** What losses take for granted as PyTorch's do: the label that does not count, shapes that broadcast, probabilities. */

import { compileTraining, F, nn, optim, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";

const int32 = (...values: number[]): Tensor => tensor(Int32Array.from(values));
const none = { reduction: "none" } as const;

describe("PyTorch's ways", () => {
  it("leave out targets of -100 by default", async () => {
    const x = tensor([
      [1, 2, 0.5],
      [0, 1, 3],
      [2, 2, 1],
    ]);
    const targets = int32(1, -100, 0);
    // torch 2.15: F.cross_entropy(x, t), with label_smoothing=.1, F.nll_loss(x, t)
    expect(await F.crossEntropy(x, targets).item()).toBeCloseTo(0.6632, 4);
    expect(await F.crossEntropy(x, targets, { labelSmoothing: 0.1 }).item()).toBeCloseTo(0.7215, 4);
    expect(await F.nllLoss(x, targets).item()).toBeCloseTo(-2, 6);
    expect(await new nn.CrossEntropyLoss().forward(x, int32(-100, -100, -100)).item()).toBeNaN();
    expect(new nn.CrossEntropyLoss().ignoreIndex).toBe(-100);
  });

  it("leave them out when compiled", async () => {
    const model = new nn.Linear(2, 3);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const options = { inputs: [[2, 2]], loss: new nn.CrossEntropyLoss(), optimizer, backend: "js" as const };
    const trainer = await compileTraining(model, options);
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const { gradients } = await trainer.gradients(x, int32(2, -100));
    F.crossEntropy(model.forward(x), int32(2, -100)).backward();
    const close = (await model.weight.grad!.data()).map((v, k) => v - (gradients.weight.peek()![k] ?? 9));
    expect(Math.max(...close.map(Math.abs))).toBeLessThan(1e-6);
    await expect(trainer.step(x, int32(2, -1))).rejects.toThrow("the label -1");
  });

  it("broadcast input and target of a difference, and warn", async () => {
    const warnings: unknown[] = [];
    const { warn } = console;
    console.warn = (message: unknown) => warnings.push(message);
    try {
      const input = tensor([3], { requiresGrad: true });
      const loss = F.l1Loss(input, tensor(1));
      expect([loss.shape, await loss.item()]).toEqual([[], 2]);
      loss.backward();
      expect(await input.grad!.array()).toEqual([1]);
      expect(await F.mseLoss(zeros(2, 1), tensor([1, 2, 3]), none).array()).toEqual([
        [1, 4, 9],
        [1, 4, 9],
      ]);
      F.mseLoss(zeros(2, 1), tensor([1, 2, 3]));
      expect(warnings).toEqual([
        "kiln: l1Loss broadcasts an input [1] and a target [] to [1], which is nearly always a mistake: give both one shape",
        "kiln: mseLoss broadcasts an input [2,1] and a target [3] to [2,3], which is nearly always a mistake: give both one shape",
      ]);
    } finally {
      console.warn = warn;
    }
  });

  it("refuse known numbers that are no probabilities", () => {
    expect(() => F.binaryCrossEntropy(tensor([1.5]), tensor([1]))).toThrow("its input holds 1.5");
    expect(() => F.binaryCrossEntropy(tensor([Number.NaN]), tensor([1]))).toThrow("its input holds NaN");
  });
});
