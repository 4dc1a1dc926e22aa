/** Rearranging: the examples of PyTorch's documentation, gradients, and what happens where kernels fuse. */

import { describe, expect, it } from "vitest";
import "../../src/compile.ts";
import type { UpdateRule } from "../../src/ir/update.ts";
import { arange, ones, tensor } from "../../src/tensor/creation.ts";
import { cumsum } from "../../src/tensor/cumulative.ts";
import { gather } from "../../src/tensor/lookup.ts";
import {
  cat,
  chunk,
  expand,
  flip,
  narrow,
  pad,
  permute,
  select,
  slice,
  split,
  stack,
  transpose,
} from "../../src/tensor/rearrange.ts";
import { argmax } from "../../src/tensor/statistics.ts";
import { apply } from "../../src/tensor/tensor.ts";
import { runGraph } from "../support/run-graph.ts";
import { BACKENDS, type Computation, gradientOf, rounded, traced } from "../support/traced.ts";

describe("PyTorch's documented examples", () => {
  it("permute, transpose and expand", async () => {
    expect(permute(ones(2, 3, 5), [2, 0, 1]).shape).toEqual([5, 2, 3]);
    expect(
      await transpose(
        tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        0,
        -1,
      ).array(),
    ).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    const x = tensor([[1], [2], [3]]);
    const wide = [1, 2, 3].map((v) => [v, v, v, v]);
    expect(await expand(x, [3, 4]).array()).toEqual(wide);
    expect(await expand(x, [-1, 4]).array()).toEqual(wide);
    expect(expand(x, [2, -1, 4]).shape).toEqual([2, 3, 4]);
  });

  it("flip", async () => {
    expect(await flip(arange(8).reshape(2, 2, 2), [0, 1]).data()).toEqual(
      Float32Array.of(6, 7, 4, 5, 2, 3, 0, 1),
    );
  });

  it("narrow, select and slice", async () => {
    const x = arange(1, 10).reshape(3, 3);
    expect(await rounded(narrow(x, 0, 0, 2))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await rounded(narrow(x, 1, 1, 2))).toEqual([2, 3, 5, 6, 8, 9]);
    expect(await rounded(narrow(x, -1, -1, 1))).toEqual([3, 6, 9]);
    expect(await select(x, 1, -1).array()).toEqual([3, 6, 9]);
    expect(await rounded(slice(arange(10), 0, 1, -1, 3))).toEqual([1, 4, 7]);
    expect(await rounded(slice(arange(10), 0, -3, 99))).toEqual([7, 8, 9]);
  });

  it("cat and stack", async () => {
    const [a, b] = [
      tensor([[1, 2]]),
      tensor([
        [3, 4],
        [5, 6],
      ]),
    ];
    expect(await cat([a, b, a]).data()).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6, 1, 2));
    expect(await cat([a, a], 1).array()).toEqual([[1, 2, 1, 2]]);
    expect(await stack([tensor([1, 2]), tensor([3, 4])], -1).array()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(stack([a, a, a], 1).shape).toEqual([1, 3, 2]);
  });

  it("split and chunk", async () => {
    const parts = split(arange(10).reshape(5, 2), 2);
    expect(parts.map((t) => t.shape)).toEqual([
      [2, 2],
      [2, 2],
      [1, 2],
    ]);
    expect(await parts[1].array()).toEqual([
      [4, 5],
      [6, 7],
    ]);
    expect(split(arange(10).reshape(5, 2), [1, 4]).map((t) => t.shape[0])).toEqual([1, 4]);
    const sizes = (n: number): number[] => chunk(arange(n), 6).map((t) => t.numel());
    expect([sizes(11), sizes(12), sizes(13)]).toEqual([
      [2, 2, 2, 2, 2, 1],
      [2, 2, 2, 2, 2, 2],
      [3, 3, 3, 3, 1],
    ]);
  });

  it("pad", async () => {
    const t4d = ones(3, 3, 4, 2);
    expect(pad(t4d, [1, 1]).shape).toEqual([3, 3, 4, 4]);
    expect(pad(t4d, [1, 1, 2, 2]).shape).toEqual([3, 3, 8, 4]);
    expect(pad(t4d, [0, 1, 2, 1, 3, 3]).shape).toEqual([3, 9, 7, 3]);
    expect(await rounded(pad(tensor([1, 2, 3]), [-1, 2], "constant", 9))).toEqual([2, 3, 9, 9]);
    const x = arange(8).reshape(1, 2, 4);
    expect(await rounded(pad(x, [2, 2], "reflect"))).toEqual([
      2, 1, 0, 1, 2, 3, 2, 1, 6, 5, 4, 5, 6, 7, 6, 5,
    ]);
    expect(await rounded(pad(x, [2, 2], "replicate"))).toEqual([
      0, 0, 0, 1, 2, 3, 3, 3, 4, 4, 4, 5, 6, 7, 7, 7,
    ]);
    expect(await rounded(pad(x, [2, 2], "circular"))).toEqual([
      2, 3, 0, 1, 2, 3, 0, 1, 6, 7, 4, 5, 6, 7, 4, 5,
    ]);
    const plane = pad(arange(9).reshape(1, 1, 3, 3), [1, 1, 2, 0], "reflect");
    expect(await plane.reshape(5, 5).array()).toEqual([
      [7, 6, 7, 8, 7],
      [4, 3, 4, 5, 4],
      [1, 0, 1, 2, 1],
      [4, 3, 4, 5, 4],
      [7, 6, 7, 8, 7],
    ]);
  });
});

describe("errors", () => {
  it.each([
    ["permute needs every axis of float32[2,3] once but dims is [0,0]", () => permute(ones(2, 3), [0, 0])],
    ["axis 2 is out of range for a tensor of 2 dimensions", () => transpose(ones(2, 3), 0, 2)],
    ["expand cannot give [2,3] the shape [3]", () => expand(ones(2, 3), [3])],
    ["0 <= start <= stop <= 3 and a positive step but is given 0:3:0", () => slice(ones(3), 0, 0, 3, 0)],
    ["narrow cannot take 3 elements from 1 on along axis 0 of [3]", () => narrow(ones(3), 0, 1, 3)],
    ["cat along axis 0 cannot join float32[2,3] and float32[2,4]", () => cat([ones(2, 3), ones(2, 4)])],
    ["cat needs at least one tensor", () => cat([])],
    ["stack needs tensors of one shape but got [2] and [3]", () => stack([ones(2), ones(3)])],
    ["split cannot cut axis 0 of [5] into parts of [2,2]", () => split(ones(5), [2, 2])],
    ["chunk needs a positive number of parts, not 0", () => chunk(ones(5), 0)],
    ["pad cannot reflect [3,0] elements of axis 0 of [3]", () => pad(ones(3), [3, 0], "reflect")],
    ["pad needs pairs of whole numbers for at most 1 axes", () => pad(ones(3), [1])],
    ["expects an int32 index of the same rank", () => gather(ones(3), 0, ones(3))],
  ])("%s", (message, act) => {
    expect(act).toThrow(message);
  });
});

describe("gradients", () => {
  it("of padding count how often an element is read", async () => {
    expect(await gradientOf((w) => pad(w, [2, 1], "reflect"), [1, 2, 3])).toEqual([1, 3, 2]);
    expect(await gradientOf((w) => pad(w, [2, 1], "replicate"), [1, 2, 3])).toEqual([3, 1, 2]);
    expect(await gradientOf((w) => pad(w, [2, 1], "circular"), [1, 2, 3])).toEqual([2, 2, 2]);
    expect(await gradientOf((w) => pad(w, [-1, 1]), [1, 2, 3])).toEqual([0, 1, 1]);
  });
});

const M = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 10],
];

describe.each(BACKENDS)("fused on $name", (backend) => {
  it.each<[string, Computation, number[]]>([
    [
      "permute, add and mul",
      (w) => transpose(w.exp().log(), 0, 1).add(w).mul(w),
      [2, 12, 30, 24, 50, 84, 70, 112, 200],
    ],
    ["matmul of permute", (w) => transpose(w, 0, 1).matmul(w), [66, 78, 97, 78, 93, 116, 97, 116, 145]],
    [
      "permute of matmul, relu",
      (w) => transpose(w.matmul(w), 0, 1).relu(),
      [30, 66, 109, 36, 81, 134, 45, 102, 169],
    ],
    [
      "linear of permute",
      (w) => apply("linear", [transpose(w, 0, 1), w]),
      [30, 66, 109, 36, 81, 134, 45, 102, 169],
    ],
    ["sum of permute", (w) => transpose(w, 0, 1).mul(w).sum(1), [30, 81, 169]],
    [
      "cat of reductions",
      (w) => cat([w.sum(1, true), w.mean(1, true).neg(), w.relu()], 1),
      [6, -2, 1, 2, 3, 15, -5, 4, 5, 6, 25, -25 / 3, 7, 8, 10],
    ],
    [
      "cat of matmul with its rows",
      (w) => cat([w.matmul(w), w.sum(0, true)]),
      [30, 36, 45, 66, 81, 102, 109, 134, 169, 12, 15, 19],
    ],
    [
      "pad of a reduction",
      (w) => pad(w.amax(1, true).neg(), [1, 1]).mul(2),
      [0, -6, 0, 0, -12, 0, 0, -20, 0],
    ],
    ["slice of softmax", (w) => slice(w.mul(0).logSoftmax(1).exp(), 1, 0, 2).mul(3), [1, 1, 1, 1, 1, 1]],
    [
      "cat with a reshape of matmul",
      (w) =>
        cat([w.matmul(w).reshape(1, 9), w.reshape(1, 9)])
          .add(1)
          .sum(0),
      [33, 40, 50, 72, 88, 110, 118, 144, 181],
    ],
    ["cat with a broadcast", (w) => cat([expand(w.sum(0, true), [3, 3]), w]).sum(0), [48, 60, 76]],
    [
      "argmax of permute, gathered",
      (w) => gather(w, 1, argmax(transpose(w, 0, 1), 0).reshape(3, 1)).add(w),
      [4, 5, 6, 10, 11, 12, 17, 18, 20],
    ],
    ["cumsum, add and sum", (w) => cumsum(w.relu(), 0).add(w).sum(1), [12, 36, 71]],
  ])("%s", async (_, f, expected) => {
    const { graph, values } = await traced(f, tensor(M));
    const actual = Array.from((await runGraph(graph, backend, values)).output);
    expect(actual.map((v) => Math.round(v * 1e4))).toEqual(expected.map((v) => Math.round(v * 1e4)));
  });

  it("a parameter whose gradient reads it rearranged is not overwritten before", async () => {
    const rule: UpdateRule = {
      name: "descent",
      scalars: [],
      states: () => ({}),
      update: (b, parameter, gradient) => ({ parameter: b.node("sub", [parameter, gradient]), states: {} }),
    };
    const loss = await traced((w) => w.mul(transpose(w, 0, 1)).sum(), tensor(M));
    const results = await runGraph(loss.graph, backend, loss.values, {
      gradientsFor: ["w"],
      update: { groups: [{ rule }] },
    });
    const expected = M.flatMap((row, i) => row.map((value, k) => value - 2 * M[k][i]));
    expect([...results["@w"]]).toEqual(expected);
  });
});
