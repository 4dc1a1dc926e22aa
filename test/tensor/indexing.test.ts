/** Reading and writing at positions: who wins a place, negative indices, errors, and dtypes, beside what fixtures show. */

import { F, ones, scatter, searchsorted, slice, type Tensor, take, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import { gradientOf } from "../support/traced.ts";

const int32 = (values: number[] | number[][]): Tensor => tensor(values, { dtype: "int32" });
const grid = (): Tensor =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

describe("where several are written to one place", () => {
  it("the last one wins, and it alone gets the gradient", async () => {
    const x = zeros(3).scatter(0, int32([1, 1, 0, 1]), tensor([1, 2, 3, 4]));
    expect(await x.array()).toEqual([3, 4, 0]);
    const weights = tensor([10, 20, 30]);
    const written = (w: Tensor) =>
      zeros(3)
        .scatter(0, int32([1, 1, 0, 1]), w)
        .mul(weights);
    expect(await gradientOf(written, [1, 2, 3, 4])).toEqual([0, 0, 10, 20]);
    const copied = zeros(2, 1).indexCopy(0, int32([1, 1]), tensor([[5], [6]]));
    expect(await copied.array()).toEqual([[0], [6]]);
  });
});

describe("indices", () => {
  it("count from the end where PyTorch has them do so, and are refused elsewhere", async () => {
    const x = grid();
    expect(await take(x, int32([[-1, 0, -6]])).array()).toEqual([[6, 1, 1]]);
    expect(await x.indexFill(1, int32([-1]), 0).array()).toEqual([
      [1, 2, 0],
      [4, 5, 0],
    ]);
    const range = "outside of the 6 positions -6..5 along its axis";
    expect(() => take(x, int32([6]))).toThrow(
      `take is given the index 6 at position 0 of its index [1], ${range}`,
    );
    await expect(take(x, int32([-7]).add(int32([0]))).data()).rejects.toThrow(
      `take is given the index -7, computed for its index, ${range}`,
    );
    expect(() => x.indexSelect(0, int32([-1]))).toThrow("indexSelect is given the index -1");
  });

  it("of any dtype are read, as of single numbers", async () => {
    const classes = int32([
      [1, 2],
      [3, 4],
    ]);
    expect(await classes.indexSelect(1, int32([1, 1])).array()).toEqual([
      [2, 2],
      [4, 4],
    ]);
    expect(
      await classes
        .gt(1)
        .gather(1, int32([[0], [0]]))
        .array(),
    ).toEqual([[0], [1]]);
    expect(await classes.scatter(1, int32([[0], [1]]), int32([[8], [9]])).array()).toEqual([
      [8, 2],
      [3, 9],
    ]);
    expect(
      await tensor(5)
        .indexSelect(0, int32([0]))
        .array(),
    ).toBe(5);
    expect(
      await tensor(5)
        .scatterAdd(0, int32([0]).reshape([]), tensor(2))
        .array(),
    ).toBe(7);
    expect(await zeros(2).indexAdd(0, int32([]), ones(0)).array()).toEqual([0, 0]);
  });

  it("that do not fit are one clear error", () => {
    const x = grid();
    expect(() => x.indexSelect(0, tensor([0]))).toThrow(
      'indexSelect expects a list of int32 as index but got float32[1]: make it with tensor(values, { dtype: "int32" })',
    );
    expect(() => scatter(x, 1, int32([0]), 1)).toThrow(
      "scatter along axis 1 of float32[2,3] needs an int32 index",
    );
    expect(() => x.indexAdd(1, int32([0, 1]), ones(2, 3))).toThrow(
      "indexAdd along axis 1 of float32[2,3] at 2 positions needs a source of the shape [2,2], not float32[2,3]",
    );
    expect(() => x.indexCopy(0, int32([0]), int32([[1, 2, 3]]))).toThrow(
      "needs a source of the input's dtype",
    );
    expect(() => x.takeAlongDim(int32([0]), 1)).toThrow(
      "takeAlongDim along axis 1 needs indices that broadcast",
    );
    expect(() => searchsorted(ones(2, 3), ones(3, 3))).toThrow("searchsorted needs a sorted list");
    expect(() => F.oneHot(int32([]))).toThrow("say how many there are");
    expect(() => F.oneHot(int32([0, 3]), 3)).toThrow("oneHot is given the index 3");
  });
});

describe("what brackets name", () => {
  it("is a view, until tensors are among the items", async () => {
    const x = grid();
    x.index(0, slice(1)).mul_(10);
    x.index("...", null, -1).add_(1);
    x.index(int32([0])).zero_();
    x.index().sub_(1);
    expect(await x.array()).toEqual([
      [0, 19, 30],
      [3, 4, 6],
    ]);
  });

  it("is written in place, through views, wherever items lead", async () => {
    const x = grid();
    x.t().indexPut_([slice(null, null, 2), int32([1, -1])], tensor([[7], [8]]));
    x.indexPut_([x.gt(7)], 0).indexPut_([0, int32([0, 0, 1])], 1, true);
    expect(await x.array()).toEqual([
      [3, 3, 3],
      [7, 5, 0],
    ]);
    expect(await x.indexPut([-1], int32([1, 2, 3])).array()).toEqual([
      [3, 3, 3],
      [1, 2, 3],
    ]);
    expect(await x.select(0, 1).array()).toEqual([7, 5, 0]);
  });

  it("is one clear error where there is none", async () => {
    const x = grid();
    expect(() => x.index(0, 3)).toThrow(
      "index is given the position 3, outside of -3..2 along axis 0 of float32[3]",
    );
    expect(() => x.index(0, 0, 0)).toThrow("index is given items for 3 axes, more than float32[2,3] has");
    expect(() => x.index("...", 0, "...")).toThrow('index can have "..." in one place only');
    expect(() => x.index(slice(null, null, -1))).toThrow(
      "index needs slices with a positive step, not -1: flip",
    );
    expect(() => x.index([0, 1] as never)).toThrow('positions come as tensor([...], { dtype: "int32" })');
    expect(() => x.index("…" as never)).toThrow('index takes numbers, slice(start, stop, step), "...", null');
    expect(() => x.index(tensor([0]))).toThrow(
      "index takes tensors of int32, or masks of bool, but got float32[1]",
    );
    expect(() => x.index(x.gt(2))).toThrow(
      "index with a bool mask would have as many elements as the mask has true",
    );
    expect(() => x.index(int32([0, 1]), int32([0, 1, 2]))).toThrow(
      "index cannot combine the indices int32[2], int32[3]",
    );
    expect(() => x.index(int32([-3]))).toThrow("index is given the index -3 at position 0 of its index [1]");
    await expect(x.index(0, int32([3]).add(int32([0]))).data()).rejects.toThrow(
      "the 3 positions -3..2 along",
    );
    expect(() => x.indexPut_([0], ones(2))).toThrow(
      "indexPut cannot write float32[2] to a part of the shape [3]",
    );
    expect(() => x.indexPut_([x.gt(2)], ones(3))).toThrow("how many are needed depends on data");
    expect(() => x.indexPut_([ones(3).gt(0)], 1)).toThrow(
      "indexPut needs a mask of the shape [2], not bool[3]",
    );
    expect(() => x.maskedSelect(x.gt(2))).toThrow(
      "a shape that depends on data, which no program has. Keep the shape",
    );
    expect(() => x.nonzero()).toThrow("nonzero gives as many elements as are not 0");
    expect(() => x.unique()).toThrow("unique gives as many elements as there are different ones");
  });
});
