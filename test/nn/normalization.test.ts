/** Layer norm and group norm: their parameters, what they refuse, and how few kernels they take. */

import { compile, F, nn, ones, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";

describe("LayerNorm and GroupNorm", () => {
  it("begin with weight 1 and bias 0, under PyTorch's keys", async () => {
    const layers = [new nn.LayerNorm([2, 3]), new nn.GroupNorm(2, 6)];
    for (const layer of layers) {
      expect(Object.keys(layer.stateDict())).toEqual(["weight", "bias"]);
      expect(new Set(await layer.weight!.data())).toEqual(new Set([1]));
      expect(new Set(await layer.bias!.data())).toEqual(new Set([0]));
    }
    expect(layers.map(({ weight }) => weight!.shape)).toEqual([[2, 3], [6]]);
    expect(new nn.LayerNorm(3, { elementwiseAffine: false }).parameters()).toEqual([]);
    expect(Object.keys(new nn.GroupNorm(2, 4, 1e-3, true, { bias: false }).stateDict())).toEqual(["weight"]);
  });

  it("give rows without spread 0 instead of dividing by it", async () => {
    expect(await F.layerNorm(ones(2, 3), 3).array()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it("stay accurate far from 0", async () => {
    const x = tensor([10000, 10001, 10002, 10003], { shape: [1, 4] });
    const expected = [-1.5, -0.5, 0.5, 1.5].map((v) => v / Math.sqrt(1.25 + 1e-5));
    const y = await F.layerNorm(x, [4]).data();
    for (const [k, value] of expected.entries()) expect(y[k]).toBeCloseTo(value, 6);
  });

  it.each([
    ["LayerNorm", new nn.LayerNorm(8), [4, 8]],
    ["GroupNorm", new nn.GroupNorm(2, 4), [2, 4, 3, 3]],
  ])("%s is one kernel forwards", async (_, layer, shape) => {
    const program = await compile(layer, { inputs: [shape], backend: "js" });
    expect(program.kernels.map(({ name }) => name)).toEqual(["standardize_mul_add"]);
    await program.dispose();
  });

  it.each<[string, () => unknown, string]>([
    [
      "another shape",
      () => new nn.LayerNorm([3]).forward(zeros(2, 4)),
      "last axes are [3] but got float32[2,4]",
    ],
    ["too few axes", () => F.layerNorm(zeros(4), [2, 4]), "last axes are [2,4] but got float32[4]"],
    [
      "another weight",
      () => F.layerNorm(zeros(2, 4), 4, ones(3)),
      "layerNorm's weight must be float32[4] but is",
    ],
    [
      "no shape",
      () => new nn.LayerNorm([]),
      "normalizedShape must be a positive whole number or a list of them",
    ],
    [
      "uneven groups",
      () => new nn.GroupNorm(2, 5),
      "GroupNorm cannot put 5 channels into 2 groups of one size",
    ],
    [
      "other channels",
      () => new nn.GroupNorm(2, 4).forward(zeros(2, 6, 3)),
      "groupNorm's weight must be float32[6]",
    ],
    ["no channels", () => F.groupNorm(zeros(4), 2), "needs inputs [N,C,…] whose channels make 2 groups"],
  ])("refuse %s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
