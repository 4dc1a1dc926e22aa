/** Layers and functions: the operations they record, the forms of their arguments, and what they refuse. */

import { describe, expect, it } from "vitest";
import * as F from "../../src/nn/functional/index.ts";
import * as nn from "../../src/nn/index.ts";
import { zeros } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { record } from "./recording.ts";

/** The only operation of `body`, without its output. */
function only(body: () => unknown): { op: string; inputs: readonly Tensor[]; attrs: object; shape: unknown } {
  const { ops } = record(body);
  expect(ops).toHaveLength(1);
  const [{ op, inputs, attrs, output }] = ops;
  return { op, inputs, attrs, shape: output.shape };
}

const images = zeros(2, 4, 9, 9);

describe("Conv2d", () => {
  it("records a convolution with its weight and bias", () => {
    const conv = new nn.Conv2d(4, 6, 3, { stride: [2, 1], padding: 1, dilation: [1, 2], groups: 2 });
    expect(only(() => conv.forward(images))).toEqual({
      op: "conv2d",
      inputs: [images, conv.weight, conv.bias],
      attrs: { stride: [2, 1], padding: [1, 1], dilation: [1, 2], groups: 2 },
      shape: [2, 6, 5, 7],
    });
    expect(conv.weight.shape).toEqual([6, 2, 3, 3]);
  });

  it("leaves the bias out when told", () => {
    const conv = new nn.Conv2d({ inChannels: 4, outChannels: 1, kernelSize: [1, 2], bias: false });
    expect(conv.bias).toBeUndefined();
    expect(only(() => conv.forward(images)).inputs).toEqual([images, conv.weight]);
  });

  it("says which channels it expects", () => {
    expect(() => record(() => new nn.Conv2d(6, 16, 5).forward(images))).toThrow(
      "conv2d expects 6 input channels (weight [16,6,5,5]) but got 4 in float32[2,4,9,9]",
    );
  });

  it.each([
    [() => new nn.Conv2d(0, 6, 5), "Conv2d's inChannels must be a whole number of at least 1, not 0"],
    [() => new nn.Conv2d(1, 2.5, 5), "Conv2d's outChannels must be a whole number of at least 1, not 2.5"],
    [
      () => new nn.Conv2d(1, 6, [5, 0]),
      "Conv2d's kernelSize must be a whole number of at least 1, or two of them",
    ],
    [() => new nn.Conv2d(1, 6, 5, { stride: 0 }), "Conv2d's stride must be a whole number of at least 1"],
    [() => new nn.Conv2d(1, 6, 5, { padding: -1 }), "Conv2d's padding must be a whole number of at least 0"],
    [() => new nn.Conv2d(3, 6, 5, { groups: 2 }), "Conv2d's inChannels 3 must be divisible by its groups 2"],
    [() => new nn.Conv2d(4, 6, 5, { groups: 4 }), "Conv2d's outChannels 6 must be divisible by its groups 4"],
    [
      () => new nn.Conv2d(4, 6, 5, 1, 2, { padding: 2 }),
      "Conv2d is given padding twice: by position and by name",
    ],
    [
      () => new nn.Conv2d(1, 6, 5, { strides: 2 } as object),
      "Conv2d has no option strides (did you mean stride?); its options are inChannels, outChannels, kernelSize, stride, padding, " +
        "dilation, groups, bias",
    ],
    [() => new nn.Conv2d({ inChannels: 1, outChannels: 6 } as never), "Conv2d needs kernelSize"],
    [() => new nn.Conv2d(1, 6, 5, { bias: 1 } as never), "Conv2d's bias must be true or false, not 1"],
    [() => new nn.Conv2d(1, 6, "5" as never), 'not "5"'],
  ])("refuses what cannot be: %#", (construct, message) => {
    expect(construct).toThrow(message);
  });
});

describe("Linear", () => {
  it("records a product with its weight and bias", () => {
    const x = zeros(5, 4);
    const fc = new nn.Linear(4, 3);
    expect(only(() => fc.forward(x))).toEqual({
      op: "linear",
      inputs: [x, fc.weight, fc.bias],
      attrs: {},
      shape: [5, 3],
    });
    const unbiased = new nn.Linear({ inFeatures: 4, outFeatures: 3, bias: false });
    expect(only(() => unbiased.forward(x)).inputs).toEqual([x, unbiased.weight]);
  });

  it("refuses other arguments", () => {
    expect(() => new nn.Linear(4, 0)).toThrow(
      "Linear's outFeatures must be a whole number of at least 1, not 0",
    );
    expect(() => new nn.Linear(...([4, 3, true, 1] as unknown as [number, number]))).toThrow(
      "Linear takes 3 arguments by position but got 4",
    );
  });
});

describe("max-pooling", () => {
  const attrs = { kernel: [3, 2], stride: [2, 2], padding: [1, 0], dilation: [1, 2], ceilMode: true };

  it.each([
    ["a layer", () => new nn.MaxPool2d([3, 2], 2, [1, 0], [1, 2], { ceilMode: true }).forward(images)],
    [
      "a layer by name",
      () =>
        new nn.MaxPool2d({
          kernelSize: [3, 2],
          stride: 2,
          padding: [1, 0],
          dilation: [1, 2],
          ceilMode: true,
        }).forward(images),
    ],
    ["a function", () => F.maxPool2d(images, [3, 2], 2, [1, 0], [1, 2], true)],
    [
      "a function with options",
      () => F.maxPool2d(images, [3, 2], { stride: 2, padding: [1, 0], dilation: [1, 2], ceilMode: true }),
    ],
    [
      "a function with both",
      () => F.maxPool2d(images, [3, 2], 2, [1, 0], { dilation: [1, 2], ceilMode: true }),
    ],
  ])("is recorded with all its attributes by %s", (_, pool) => {
    expect(only(pool)).toEqual({ op: "max_pool2d", inputs: [images], attrs, shape: [2, 4, 5, 4] });
  });

  it("moves by its own size by default", () => {
    expect(only(() => F.maxPool2d(images, 2)).attrs).toEqual({
      kernel: [2, 2],
      stride: [2, 2],
      padding: [0, 0],
      dilation: [1, 1],
      ceilMode: false,
    });
  });

  it("refuses windows that would miss the input", () => {
    expect(() => new nn.MaxPool2d(3, { padding: 2 })).toThrow(
      "MaxPool2d's padding 2 must be at most half of its kernelSize 3",
    );
    expect(() => F.maxPool2d(images, [2, 4], 1, 2)).toThrow("maxPool2d's padding 2 must be at most half");
    expect(() => new nn.MaxPool2d({ kernelSize: 2, indices: true } as never)).toThrow(
      "MaxPool2d has no option indices; its options are kernelSize, stride, padding, dilation, returnIndices, ceilMode",
    );
  });
});

describe("layers without parameters", () => {
  it("record what they do", () => {
    expect(only(() => new nn.ReLU().forward(images)).op).toBe("relu");
    expect(only(() => new nn.Flatten().forward(images))).toMatchObject({ op: "reshape", shape: [2, 324] });
    expect(only(() => new nn.Flatten({ startDim: 2 }).forward(images)).shape).toEqual([2, 4, 81]);
    expect(only(() => F.flatten(images)).shape).toEqual([648]);
    expect(record(() => new nn.Identity().forward(images))).toEqual({ result: images, ops: [] });
  });

  it("refuse other arguments", () => {
    expect(() => new nn.Flatten(0.5)).toThrow("Flatten's startDim must be a whole number, not 0.5");
    expect(() => record(() => new nn.Flatten(2, 1).forward(images))).toThrow(
      "startDim 2 comes after its endDim 1",
    );
  });
});

describe("functions", () => {
  it("take the weights of a layer", () => {
    const conv = new nn.Conv2d(4, 6, 3);
    expect(only(() => F.conv2d(images, conv.weight, undefined, 2, { padding: 1 })).attrs).toEqual({
      stride: [2, 2],
      padding: [1, 1],
      dilation: [1, 1],
      groups: 1,
    });
    expect(only(() => F.linear(zeros(1, 4), zeros(2, 4))).shape).toEqual([1, 2]);
    expect(only(() => F.logSoftmax(zeros(2, 3), -1)).attrs).toEqual({ axis: 1 });
  });
});
