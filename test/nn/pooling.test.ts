/** Pooling layers beyond PyTorch's results: forms of their arguments, the ops they record, what they refuse. */

import { describe, expect, it } from "vitest";
import * as F from "../../src/nn/functional/index.ts";
import * as nn from "../../src/nn/index.ts";
import { zeros } from "../../src/tensor/creation.ts";
import { record } from "./recording.ts";

const ops = (body: () => unknown) => record(body).ops.map(({ op, attrs }) => [op, attrs]);
const images = zeros(2, 3, 6, 9);
const signals = zeros(2, 3, 9);

describe("average pooling", () => {
  it("takes its arguments by position and by name", () => {
    const attrs = {
      kernel: [3, 2],
      stride: [2, 2],
      padding: [1, 1],
      ceilMode: true,
      countIncludePad: false,
      divisorOverride: 5,
    };
    const options = { stride: 2, padding: 1, ceilMode: true, countIncludePad: false, divisorOverride: 5 };
    const calls = [
      () => new nn.AvgPool2d([3, 2], 2, 1, true, false, 5).forward(images),
      () => new nn.AvgPool2d([3, 2], options).forward(images),
      () => new nn.AvgPool2d({ kernelSize: [3, 2], ...options }).forward(images),
      () => F.avgPool2d(images, [3, 2], 2, 1, true, false, 5),
      () => F.avgPool2d(images, [3, 2], options),
    ];
    for (const call of calls) expect(ops(call)).toEqual([["avg_pool2d", attrs]]);
  });

  it("moves by its own size by default", () => {
    expect(ops(() => F.avgPool2d(images, [2, 3]))[0][1]).toMatchObject({
      stride: [2, 3],
      padding: [0, 0],
      countIncludePad: true,
    });
  });
});

describe("adaptive pooling", () => {
  it("is ordinary pooling where the windows come out equal", () => {
    expect(ops(() => new nn.AdaptiveAvgPool2d([3, null]).forward(images))).toEqual([
      [
        "avg_pool2d",
        { countIncludePad: true, kernel: [2, 1], stride: [2, 1], padding: [0, 0], ceilMode: false },
      ],
    ]);
    expect(ops(() => new nn.AdaptiveMaxPool2d(3).forward(images))).toEqual([
      ["max_pool2d", { dilation: [1, 1], kernel: [2, 3], stride: [2, 3], padding: [0, 0], ceilMode: false }],
    ]);
  });

  it("has ops of its own where they do not", () => {
    const expected = [["adaptive_avg_pool2d", { outputSize: [4, 9] }]];
    for (const size of [
      [4, null],
      [4, 9],
    ] as const) {
      expect(ops(() => new nn.AdaptiveAvgPool2d({ outputSize: size }).forward(images))).toEqual(expected);
    }
    expect(ops(() => F.adaptiveMaxPool2d(images, [7, 2]))).toEqual([
      ["adaptive_max_pool2d", { outputSize: [7, 2] }],
    ]);
  });

  it("keeps everything where nothing is asked", () => {
    expect(record(() => new nn.AdaptiveMaxPool2d(null).forward(images)).result.shape).toEqual([2, 3, 6, 9]);
  });
});

describe("pooling along one axis", () => {
  it("pools images of one row", () => {
    const { ops: recorded, result } = record(() =>
      new nn.MaxPool1d(3, { stride: 2, padding: 1 }).forward(signals),
    );
    expect(recorded.map(({ op }) => op)).toEqual(["reshape", "max_pool2d", "reshape"]);
    expect(recorded[1].attrs).toEqual({
      kernel: [1, 3],
      stride: [1, 2],
      padding: [0, 1],
      dilation: [1, 1],
      ceilMode: false,
    });
    expect(result.shape).toEqual([2, 3, 5]);
  });
});

describe("impossible options", () => {
  it.each<[() => unknown, string]>([
    [() => new nn.MaxPool1d(0), "MaxPool1d's kernelSize must be a whole number of at least 1, not 0"],
    [
      () => new nn.MaxPool1d([2, 2] as never),
      "MaxPool1d's kernelSize must be a whole number of at least 1, not [2,2]",
    ],
    [
      () => new nn.MaxPool1d(3, { padding: 2 }),
      "MaxPool1d's padding 2 must be at most half of its kernelSize 3",
    ],
    [
      () => new nn.MaxPool2d(3, { padding: 2, dilation: 2 }),
      "MaxPool2d's padding 2 must be at most half of its kernelSize 3",
    ],
    [
      () => new nn.MaxPool1d(2, { ceilMode: 1 as never }),
      "MaxPool1d's ceilMode must be true or false, not 1",
    ],
    [
      () => new nn.AvgPool1d(2, { stride: 0 }),
      "AvgPool1d's stride must be a whole number of at least 1, not 0",
    ],
    [
      () => new nn.AvgPool1d(2, { divisorOverride: 2 } as never),
      "AvgPool1d has no option divisorOverride; its options are kernelSize, stride, padding, ceilMode, countIncludePad",
    ],
    [
      () => new nn.AvgPool2d(2, 2, [2, 0]),
      "AvgPool2d's padding 2,0 must be at most half of its kernelSize 2",
    ],
    [
      () => new nn.AvgPool2d(2, { divisorOverride: 0 }),
      "AvgPool2d's divisorOverride must not be 0: it divides by it",
    ],
    [() => new nn.AvgPool2d(2, { dilation: 2 } as never), "AvgPool2d has no option dilation"],
    [
      () => new nn.AdaptiveAvgPool2d(0),
      "AdaptiveAvgPool2d's outputSize must be a whole number of at least 1 or null",
    ],
    [() => new nn.AdaptiveAvgPool2d([2, 2, 2] as never), "AdaptiveAvgPool2d's outputSize must be"],
    [() => new nn.AdaptiveMaxPool2d([2, "3"] as never), "AdaptiveMaxPool2d's outputSize must be"],
    [() => new nn.AdaptiveMaxPool2d(undefined as never), "AdaptiveMaxPool2d needs outputSize"],
  ])("are refused: %#", (construct, message) => {
    expect(construct).toThrow(message);
  });
});

describe("inputs that do not fit", () => {
  it.each<[() => unknown, string]>([
    [() => F.maxPool1d(images, 2), "maxPool1d expects [N,C,L] or [C,L] but got [2,3,6,9]"],
    [() => F.avgPool2d(zeros(6, 9), 2), "avgPool2d expects [N,C,H,W] or [C,H,W] but got [6,9]"],
    [() => F.avgPool2d(images, 7), "avg_pool2d's kernel 7×7 does not fit into float32[2,3,6,9]"],
    [() => F.adaptiveAvgPool2d(zeros(9), 1), "adaptiveAvgPool2d expects [N,C,H,W] or [C,H,W] but got [9]"],
  ])("are explained: %#", (call, message) => {
    expect(() => record(call)).toThrow(message);
  });
});
