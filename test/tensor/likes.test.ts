/** Tensors like others, spaced numbers and grids, reductions of whole numbers, and what einsum refuses: PyTorch's numbers. */

import { describe, expect, test } from "vitest";
import {
  einsum,
  eye,
  fullLike,
  linspace,
  logspace,
  meshgrid,
  onesLike,
  randnLike,
  tensor,
  zerosLike,
} from "../../src/index.ts";

const whole = (values: number[] | number[][]) => tensor(values, { dtype: "int32" });

describe("factories", () => {
  test("like another tensor take its shape and dtype by default", async () => {
    const like = whole([[1, 2]]);
    expect([zerosLike(like).dtype, onesLike(like, { dtype: "float32" }).dtype]).toEqual(["int32", "float32"]);
    expect(await fullLike(like, 7).array()).toEqual([[7, 7]]);
    expect(randnLike(tensor([[1], [2]])).shape).toEqual([2, 1]);
  });
  test("linspace meets both ends and is cut off for whole numbers", async () => {
    expect(await linspace(0, 1, 5).array()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(await linspace(3, 3, 1).array()).toEqual([3]);
    expect(await linspace(0, 10, 4, { dtype: "int32" }).array()).toEqual([0, 3, 6, 10]);
    expect(await logspace(0, 3, 4, { base: 2 }).array()).toEqual([1, 2, 4, 8]);
  });
  test("eye and meshgrid", async () => {
    expect(await eye(2, 3, { dtype: "int32" }).array()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    const lists = [tensor([1, 2]), tensor([3, 4, 5])];
    expect(await meshgrid(lists)[1].array()).toEqual([
      [3, 4, 5],
      [3, 4, 5],
    ]);
    expect(meshgrid(lists, { indexing: "xy" }).map(({ shape }) => shape)).toEqual([
      [3, 2],
      [3, 2],
    ]);
  });
});

test("reductions of whole numbers are exact and wrap around", async () => {
  const x = whole([
    [2 ** 30, 2 ** 30, 2 ** 30],
    [16777217, -1, 5],
  ]);
  expect(await x.sum(1).array()).toEqual([-1073741824, 16777221]);
  expect(await x.prod(1).array()).toEqual([0, -83886085]);
  expect(await x.amax().item()).toBe(2 ** 30);
  expect(await x.min().item()).toBe(-1);
  expect(await x.sum().item()).toBe(-1056964603);
  expect(await x.gt(0).prod(1).array()).toEqual([1, 0]);
  expect(await x.countNonzero(0).array()).toEqual([2, 2, 2]);
  expect(() => x.mean()).toThrow("mean expects float32");
});

test.each([
  ["i...,j->ij", "an ellipsis is not understood"],
  ["ij->ij", "it names 1 operands, and there are 2"],
  ["i,jk->i", '"i" has not as many letters as the operand [2,3] has axes'],
  ["ij,jk->ik", "the axis j has the extents 3 and 2"],
  ["ij,ik->l", "the result's axis l is not an axis of any operand"],
])("einsum refuses %s", (equation, why) => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(() => einsum(equation, x, x)).toThrow(why);
});
