/** Convolution layers beyond Conv2d's own tests: forms of their arguments, initial values and what they refuse. */

import { describe, expect, it } from "vitest";
import "../../src/compile.ts";
import * as F from "../../src/nn/functional/index.ts";
import * as nn from "../../src/nn/index.ts";
import { arange, ones, zeros } from "../../src/tensor/creation.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { record } from "./recording.ts";

const ops = (body: () => unknown) => record(body).ops.map(({ op, attrs }) => [op, attrs]);
const signals = zeros(2, 4, 9);
const images = zeros(2, 4, 7, 6);

describe("arguments", () => {
  it("of Conv1d come by position and by name", () => {
    const layers = [
      new nn.Conv1d(4, 6, 3, 2, 1, 1, 2, false, "reflect"),
      new nn.Conv1d(4, 6, [3], { stride: [2], padding: [1], groups: 2, bias: false, paddingMode: "reflect" }),
      new nn.Conv1d({
        inChannels: 4,
        outChannels: 6,
        kernelSize: 3,
        stride: 2,
        padding: 1,
        groups: 2,
        bias: false,
        paddingMode: "reflect",
      }),
    ];
    const [first, ...others] = layers.map((layer) => [String(layer), ops(() => layer.forward(signals))]);
    for (const other of others) expect(other).toEqual(first);
    expect(layers[0].weight.shape).toEqual([6, 2, 3]);
  });

  it("of ConvTranspose2d come by position and by name", () => {
    const layers = [
      new nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, false, 1, "zeros"),
      new nn.ConvTranspose2d({
        inChannels: 4,
        outChannels: 6,
        kernelSize: [3, 3],
        stride: 2,
        padding: 1,
        outputPadding: 1,
        groups: 2,
        bias: false,
      }),
    ];
    expect(ops(() => layers[0].forward(images))).toEqual(ops(() => layers[1].forward(images)));
    expect(record(() => layers[0].forward(images)).result.shape).toEqual([2, 6, 14, 12]);
    expect(layers[0].weight.shape).toEqual([4, 3, 3, 3]);
  });
});

describe("initial values", () => {
  it("of ConvTranspose2d lie within 1/√(outChannels / groups · kernel), as PyTorch reckons its fan-in", async () => {
    manualSeed(1);
    const layer = new nn.ConvTranspose2d(8, 32, 3, { groups: 2 });
    const bound = 1 / Math.sqrt((32 / 2) * 9);
    for (const parameter of [layer.weight, layer.bias!]) {
      const largest = Math.max(...(await parameter.data()).map(Math.abs));
      expect(largest).toBeLessThanOrEqual(bound);
      // 32 even draws all stay below 4/5 of the bound with a chance of 0.0008; the seed is fixed.
      expect(largest).toBeGreaterThan(0.8 * bound);
    }
    expect(layer.bias!.shape).toEqual([32]);
  });
});

describe("padding", () => {
  it("of zeros is the convolution's own, also when it must keep the extent", () => {
    const same = new nn.Conv2d(4, 1, [3, 5], { padding: "same", dilation: [2, 1] });
    expect(ops(() => same.forward(images))).toEqual([
      ["conv2d", { stride: [1, 1], padding: [2, 2], dilation: [2, 1], groups: 1 }],
    ]);
  });

  it("that is uneven goes in front of the convolution, the surplus behind each axis", () => {
    const same = new nn.Conv2d(4, 1, [2, 4], { padding: "same" });
    const recorded = ops(() => same.forward(images));
    expect(recorded.map(([op]) => op)).toEqual(["pad", "conv2d"]);
    expect(recorded[0][1]).toMatchObject({ before: [0, 0, 0, 0], after: [0, 0, 1, 1] });
    expect(record(() => same.forward(images)).result.shape).toEqual([2, 1, 7, 6]);
  });
});

describe("impossible options", () => {
  it.each<[() => unknown, string]>([
    [() => new nn.Conv1d(4, 6, 0), "Conv1d's kernelSize must be a whole number of at least 1, not 0"],
    [
      () => new nn.Conv1d(4, 6, [3, 3] as never),
      "Conv1d's kernelSize must be a whole number of at least 1, not [3,3]",
    ],
    [() => new nn.Conv1d(4, 5, 3, { groups: 2 }), "Conv1d's outChannels 5 must be divisible by its groups 2"],
    [() => new nn.Conv2d(4, 6, 3, 2, "same"), 'Conv2d\'s padding "same" needs stride 1, not [2,2]'],
    [
      () => new nn.Conv2d(4, 6, 3, 1, "full" as never),
      'Conv2d\'s padding must be one of same, valid, not "full"',
    ],
    [
      () => new nn.Conv2d(4, 6, 3, { paddingMode: "mirror" as never }),
      'Conv2d\'s paddingMode must be one of zeros, reflect, replicate, circular, not "mirror"',
    ],
    [
      () => F.conv2d(images, zeros(1, 4, 3, 3), undefined, 2, "same"),
      'conv2d\'s padding "same" needs stride 1',
    ],
    [
      () => new nn.ConvTranspose2d(4, 6, 3, { outputPadding: 1 }),
      "ConvTranspose2d's outputPadding [1,1] must be smaller than either its stride [1,1] or its dilation [1,1]",
    ],
    [
      () => new nn.ConvTranspose2d(3, 6, 3, { groups: 2 }),
      "ConvTranspose2d's inChannels 3 must be divisible by its groups 2",
    ],
    [
      () => new nn.ConvTranspose2d(4, 6, 3, { paddingMode: "reflect" as never }),
      'ConvTranspose2d\'s paddingMode must be one of zeros, not "reflect"',
    ],
    [
      () => new nn.ConvTranspose2d(4, 6, 3, { padding: "same" as never }),
      "ConvTranspose2d's padding must be a whole number",
    ],
  ])("are refused: %#", (construct, message) => {
    expect(construct).toThrow(message);
  });
});

describe("inputs that do not fit", () => {
  const batch = "add the batch dimension with unsqueeze(0)";
  it.each<[nn.Module, Tensor, string]>([
    [
      new nn.Conv1d(4, 6, 3),
      zeros(4, 9),
      `conv1d expects a batch of signals [N,C,L] but got [4,9]: ${batch}`,
    ],
    [
      new nn.Conv1d(4, 6, 3),
      zeros(9),
      "conv1d expects [N,C,L] and a weight [out,in,length] but got [9] and [6,4,3]",
    ],
    [
      new nn.Conv1d(4, 6, 3),
      zeros(1, 3, 9),
      "conv1d expects 4 input channels (weight [6,4,3]) but got 3 in [1,3,9]",
    ],
    [
      new nn.Conv2d(4, 6, 3, { padding: 1, paddingMode: "circular" }),
      zeros(4, 7, 6),
      `conv2d expects a batch of images [N,C,H,W] but got float32[4,7,6]: ${batch}`,
    ],
    [new nn.Conv2d(4, 6, 2, { padding: "same" }), zeros(4, 7, 6), batch],
    [
      new nn.Conv2d(4, 6, 3, { padding: 7, paddingMode: "reflect" }),
      images,
      "pad cannot reflect [7,7] elements of axis 2",
    ],
    [
      new nn.ConvTranspose2d(4, 6, 3),
      zeros(4, 7, 6),
      `conv_transpose2d expects a batch of images [N,C,H,W] but got float32[4,7,6]: ${batch}`,
    ],
    [
      new nn.ConvTranspose2d(3, 6, 3),
      images,
      "conv_transpose2d expects 3 input channels but got 4 in float32[2,4,7,6]",
    ],
    [
      new nn.ConvTranspose2d(4, 6, 1, { padding: 1 }),
      zeros(1, 4, 2, 2),
      "conv_transpose2d cannot give [0,0] from float32[1,4,2,2]",
    ],
  ])("are explained: %#", (layer, input, message) => {
    expect(() => record(() => layer.forward(input))).toThrow(message);
  });
});

describe("output padding below the dilation", () => {
  it("is legal whatever the stride, with gradients", async () => {
    // torch 2.15: F.conv_transpose2d(x, w, dilation=2, output_padding=1), and its gradients for a cotangent 0, 1, 2, …
    const x = arange(6).reshape(1, 1, 3, 2).detach().requiresGrad_();
    const w = arange(-1, 3).reshape(1, 1, 2, 2).detach().requiresGrad_();
    const y = F.convTranspose2d(x, w, undefined, { dilation: 2, outputPadding: 1 });
    expect(await y.reshape(6, 5).array()).toEqual([
      [0, -1, 0, 0, 0],
      [-2, -3, 0, 0, 0],
      [-4, -4, 0, 2, 0],
      [2, 3, 4, 6, 0],
      [4, 5, 8, 10, 0],
      [0, 0, 0, 0, 0],
    ]);
    y.mul(arange(30).reshape(y.shape)).sum().backward();
    expect([...(await x.grad!.data())]).toEqual([34, 36, 44, 46, 54, 56]);
    expect([...(await w.grad!.data())]).toEqual([124, 154, 274, 304]);
    expect(
      F.convTranspose2d(ones(1, 1, 4, 4), ones(1, 1, 2, 2), undefined, { dilation: 2, outputPadding: 1 })
        .shape,
    ).toEqual([1, 1, 7, 7]);
  });
});
