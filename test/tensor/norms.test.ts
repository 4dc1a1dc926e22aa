/** Norms, deviations and extremes where PyTorch has settled what a formula leaves open: at 0, at ties, at infinity. */

import { type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import { gradientOf, rounded } from "../support/traced.ts";

const INFINITY = Number.POSITIVE_INFINITY;
/** The gradient with -0 as 0. */
const slopes = async (f: (w: Tensor) => Tensor, values: number[]): Promise<number[]> =>
  (await gradientOf(f, values)).map((v) => Math.round(v * 1e4) / 1e4 + 0);

const HALF_ROOTS = [0, Math.SQRT1_2, -Math.SQRT1_2].map((v) => Math.round(v * 1e4) / 1e4);

describe("norms", () => {
  it.each([0, 0.5, 1, 1.5, 2, 3, INFINITY, -INFINITY])(
    "of order %s are 0 with gradient 0 at 0",
    async (p) => {
      expect(await tensor([0, 0, 0]).norm(p).item()).toBe(0);
      if (p !== 0) expect(await slopes((w) => w.norm(p), [0, 0, 0])).toEqual([0, 0, 0]);
    },
  );

  // PyTorch 2.15: torch.tensor([0., 2, -2]).norm(p) and its gradient.
  it.each([
    [0.5, 8, [0, 2, -2]],
    [1, 4, [0, 1, -1]],
    [1.5, 3.1748, [0, 0.7937, -0.7937]],
    [2, 2.8284, HALF_ROOTS],
    [3, 2.5198, [0, 0.63, -0.63]],
    [INFINITY, 2, [0, 0.5, -0.5]],
    [-INFINITY, 0, [0, 0, 0]],
  ])("of order %s have PyTorch's gradient beside a 0", async (p, value, gradient) => {
    expect(await rounded(tensor([0, 2, -2]).norm(p))).toEqual([value]);
    expect(await slopes((w) => w.norm(p), [0, 2, -2])).toEqual(gradient);
  });

  it("count what is not 0, know the Frobenius norm, and keep NaN", async () => {
    expect(await tensor([0, 2, -2]).norm(0).item()).toBe(2);
    expect(
      await tensor([
        [3, 0],
        [0, 4],
      ])
        .norm("fro")
        .item(),
    ).toBe(5);
    expect(await tensor([Number.NaN, 1]).norm().item()).toBeNaN();
  });
});

describe("deviations", () => {
  it("have gradient 0 where all elements are equal", async () => {
    expect(await tensor([2, 2, 2]).std().item()).toBe(0);
    expect(await slopes((w) => w.std(), [2, 2, 2])).toEqual([0, 0, 0]);
  });
});

describe("extremes", () => {
  it("share the gradient without an axis, and send it to the first along one", async () => {
    expect(await slopes((w) => w.max(), [2, 2, 2, 1])).toEqual([0.3333, 0.3333, 0.3333, 0]);
    expect(await slopes((w) => w.max(0).values, [1, 2, 2])).toEqual([0, 1, 0]);
    expect(await slopes((w) => w.min(0).values, [2, 1, 1])).toEqual([0, 1, 0]);
  });

  it("say where they stand, as in the documentation of torch.max", async () => {
    const a = tensor([
      [-1.236, -0.2942, -0.1222, 0.8475],
      [1.1949, -1.1127, -2.2379, -0.6702],
      [1.5717, -0.9207, 0.1297, -1.8768],
      [-0.6172, 1.0036, -0.606, -0.2432],
    ]);
    const { values, indices } = a.max(1);
    expect(await rounded(values)).toEqual([0.8475, 1.1949, 1.5717, 1.0036]);
    expect([indices.dtype, ...(await indices.data())]).toEqual(["int32", 3, 0, 0, 1]);
    expect(a.min(0, true).values.shape).toEqual([1, 4]);
    const single = tensor(3).max(0);
    expect([await single.values.item(), await single.indices.item(), single.values.shape]).toEqual([
      3,
      0,
      [],
    ]);
  });

  it("are NaN where an element is", async () => {
    const { values, indices } = tensor([1, Number.NaN, 3]).max(0);
    expect([await values.item(), await indices.item()]).toEqual([Number.NaN, 1]);
  });
});

describe("logsumexp", () => {
  it("keeps infinities and never overflows", async () => {
    expect(await tensor([1000, 1000]).logsumexp(0).item()).toBe(Math.fround(1000 + Math.LN2));
    expect(await tensor([-INFINITY, -INFINITY]).logsumexp(0).item()).toBe(-INFINITY);
    expect(await tensor([INFINITY, 1]).logsumexp(0).item()).toBe(INFINITY);
  });
});
