/** Reductions and powers: the examples of PyTorch's documentation, and gradients at the edges. */

import { describe, expect, it } from "vitest";
import "../../src/compile.ts";
import { arange, tensor } from "../../src/tensor/creation.ts";
import { cumsum } from "../../src/tensor/cumulative.ts";
import { gather } from "../../src/tensor/lookup.ts";
import { pow } from "../../src/tensor/power.ts";
import { where } from "../../src/tensor/rearrange.ts";
import { amin, argmax, argmin, clamp, prod, std, variance } from "../../src/tensor/statistics.ts";
import { apply, type Tensor } from "../../src/tensor/tensor.ts";
import { gradientOf, rounded } from "../support/traced.ts";

const int32 = (values: number[] | number[][]): Tensor => tensor(values, { dtype: "int32" });

describe("PyTorch's documented examples", () => {
  it("gather", async () => {
    const t = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(
      await rounded(
        gather(
          t,
          1,
          int32([
            [0, 0],
            [1, 0],
          ]),
        ),
      ),
    ).toEqual([1, 1, 4, 3]);
  });

  it("gather refuses a position outside", async () => {
    expect(await gather(tensor([1, 2, 3]), 0, int32([0, 2])).array()).toEqual([1, 3]);
    expect(() => gather(tensor([1, 2, 3]), 0, int32([0, 2, -1, 7]))).toThrow("given the index -1");
  });

  it("single numbers", async () => {
    const t = tensor(2);
    const results = [argmax(t), argmin(t), prod(t), amin(t), variance(t, undefined, { correction: 0 })];
    expect(await Promise.all(results.map((r) => r.item()))).toEqual([0, 0, 2, 2, 0]);
  });

  it("argmax and argmin", async () => {
    const a = tensor([
      [1.3398, 0.2663, -0.2686, 0.245],
      [-0.7401, -0.8805, -0.3402, -1.1936],
      [0.4907, -1.3948, -1.0691, -0.3132],
      [-1.6092, 0.5419, -0.2993, 0.3195],
    ]);
    expect(await argmax(a).item()).toBe(0);
    expect(await argmax(a, 1).data()).toEqual(Int32Array.of(0, 2, 0, 1));
    expect(argmax(a, 0, true).shape).toEqual([1, 4]);
    const b = tensor([
      [0.1139, 0.2254, -0.1381, 0.3687],
      [1.01, -1.1975, -0.0102, -0.4732],
      [-0.924, 0.1207, -0.7506, -1.0213],
      [1.7809, -1.296, 0.9384, 0.1438],
    ]);
    expect(await argmin(b).item()).toBe(13);
    expect(await argmin(b, 1).data()).toEqual(Int32Array.of(2, 1, 3, 1));
    expect(await argmax(tensor([3, 7, 7, Number.NEGATIVE_INFINITY])).item()).toBe(1);
    expect(await argmax(tensor([3, Number.NaN, 7])).item()).toBe(1);
    expect(await argmax(tensor([-1, -1]).mul(Number.POSITIVE_INFINITY)).item()).toBe(0);
  });

  it("var and std", async () => {
    const a = tensor([
      [0.2035, 1.2959, 1.8101, -0.4644],
      [1.5027, -0.327, 0.5905, 0.6538],
      [-1.5745, 1.333, -0.5596, -0.6548],
      [0.1264, -0.508, 1.642, 0.1992],
    ]);
    expect(await rounded(variance(a, 1, { keepdim: true }))).toEqual([1.0631, 0.559, 1.4893, 0.8258]);
    expect(await rounded(std(a, 1))).toEqual([1.0311, 0.7477, 1.2204, 0.9087]);
    expect(await rounded(variance(tensor([1, 2, 3, 4]), undefined, { correction: 0 }))).toEqual([1.25]);
    expect(await variance(tensor([1])).item()).toBeNaN();
  });

  it("a half power is a root, whatever powers were computed before", async () => {
    const values = tensor([Number.NEGATIVE_INFINITY, 4]);
    expect(await pow(values, 0.25).array()).toEqual([Number.POSITIVE_INFINITY, Math.fround(Math.SQRT2)]);
    expect(await pow(values, 0.5).array()).toEqual([Number.NaN, 2]);
    expect(await pow(values, -0.5).array()).toEqual([Number.NaN, 0.5]);
  });

  it("pow, prod, amin and cumsum", async () => {
    const a = arange(1, 5);
    expect(await rounded(pow(a, a))).toEqual([1, 4, 27, 256]);
    expect(await rounded(pow(2, a))).toEqual([2, 4, 8, 16]);
    expect(await rounded(pow(tensor([-2, 0]), 3))).toEqual([-8, 0]);
    const m = tensor([
      [1, 2, 3],
      [4, -5, 6],
    ]);
    expect(await prod(m).item()).toBe(-720);
    expect(await prod(m, 1, true).array()).toEqual([[6], [-120]]);
    expect(await prod(m, 0).array()).toEqual([4, -10, 18]);
    expect(await amin(m, 1).array()).toEqual([1, -5]);
    expect(await cumsum(m, 1).array()).toEqual([
      [1, 3, 6],
      [4, -1, 5],
    ]);
  });

  it("clamp and where", async () => {
    const a = tensor([-1.712, 0.1734, -0.0478, -0.0922]);
    expect(await rounded(clamp(a, -0.5, 0.5))).toEqual([-0.5, 0.1734, -0.0478, -0.0922]);
    expect(await rounded(clamp(a, tensor([-1, -1 / 3, 1 / 3, 1])))).toEqual([-1, 0.1734, 0.3333, 1]);
    expect(await rounded(clamp(a, 2, 1))).toEqual([1, 1, 1, 1]);
    expect(await clamp(tensor([Number.NaN]), 0, 1).item()).toBeNaN();
    const positive = apply("compare", [a, tensor(0)], { relation: "gt" });
    expect(await rounded(where(positive, a, -1))).toEqual([-1, 0.1734, -1, -1]);
  });
});

describe("gradients", () => {
  it("of prod are right with one zero, and with two", async () => {
    expect(await gradientOf(prod, [2, 0, 3, 4, 5])).toEqual([0, 120, 0, 0, 0]);
    expect(await gradientOf(prod, [0, 0, 3])).toEqual([0, 0, 0]);
    expect(
      await gradientOf(
        (w) => prod(w, 0),
        [
          [1, 2],
          [3, 0],
          [5, 6],
        ],
      ),
    ).toEqual([15, 0, 5, 12, 3, 0]);
  });

  it("of pow are PyTorch's at 0", async () => {
    expect(await gradientOf((w) => pow(w, 2), [0, -3])).toEqual([0, -6]);
    expect(await gradientOf((w) => pow(w, 0.5), [0, 4])).toEqual([Number.POSITIVE_INFINITY, 0.25]);
    expect(await gradientOf((w) => pow(w, 0), [0, -1, 2])).toEqual([0, 0, 0]);
    expect(await gradientOf((w) => pow(w, 3), [-2])).toEqual([12]);
    expect(await gradientOf((w) => pow(0, w), [0, 2])).toEqual([0, 0]);
    expect(await gradientOf((w) => pow(1, w), [-3, 0])).toEqual([0, 0]);
  });

  it("of clamp pass where the input lies between the bounds, and not on them", async () => {
    expect(await gradientOf((w) => clamp(w, -1, 1), [-2, -1, 0, 1, 2])).toEqual([0, 0, 1, 0, 0]);
    expect(await gradientOf((w) => clamp(w, undefined, 0), [-1, 0, 1])).toEqual([1, 0, 0]);
  });

  it("of gather add up where a position occurs twice", async () => {
    const index = int32([
      [0, 0],
      [1, 0],
    ]);
    expect(
      await gradientOf(
        (w) => gather(w, 1, index),
        [
          [1, 2],
          [3, 4],
        ],
      ),
    ).toEqual([2, 0, 1, 1]);
  });

  it("of var are 2(x - mean)/(n - 1)", async () => {
    expect(await gradientOf((w) => variance(w), [1, 2, 6])).toEqual([-2, -1, 3]);
  });
});
