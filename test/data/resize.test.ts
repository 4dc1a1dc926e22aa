/** Resizing against PyTorch's interpolate, and the sizes that torchvision's rule gives. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/data/random.ts";
import { type ResizeOptions, resize } from "../../src/data/resize.ts";
import { generate } from "../support/fixtures.ts";

interface Case {
  readonly mode: "nearest" | "bilinear" | "antialiased";
  readonly size: readonly [number, number];
  readonly values: readonly number[];
}

const { cases } = JSON.parse(
  readFileSync(new URL("../fixtures/data_transforms.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };
const SHAPE = [2, 5, 7];
const image = generate("data_transforms/image", 70);

const OPTIONS: Readonly<Record<Case["mode"], ResizeOptions>> = {
  nearest: { interpolation: "nearest" },
  bilinear: { antialias: false },
  antialiased: {},
};

describe("resize", () => {
  it.each(cases)("gives PyTorch's values: $mode to $size", ({ mode, size, values }) => {
    const bound = resize(size, OPTIONS[mode]).bind(SHAPE);
    expect(bound.outputShape).toEqual([2, ...size]);
    const out = new Float32Array(values.length + 2).fill(-7);
    bound.apply(image, out, 1, new Random(0));
    expect([out[0], out.at(-1)]).toEqual([-7, -7]);
    const error = Math.max(...values.map((value, i) => Math.abs(out[i + 1] - value)));
    // Values lie within ±1; PyTorch computes weights and sums in float32, a few roundings of 6e-8 each.
    expect(error).toBeLessThan(mode === "nearest" ? 1e-8 : 5e-7);
  });

  it("keeps the proportions when one number is given, for the shorter side", () => {
    const shapeOf = (size: number, shape: readonly number[]) => resize(size).bind(shape).outputShape;
    expect(shapeOf(10, [3, 5, 7])).toEqual([3, 10, 14]);
    expect(shapeOf(3, [3, 5, 7])).toEqual([3, 3, 4]);
    expect(shapeOf(3, [1, 7, 5])).toEqual([1, 4, 3]);
    expect(shapeOf(32, [1, 28, 28])).toEqual([1, 32, 32]);
    expect(resize([2, 3]).description).toBe('resize([2,3], { interpolation: "bilinear", antialias: true })');
  });

  it("names what it cannot work with", () => {
    expect(() => resize(0)).toThrow("resize needs a size of 1 to 65536, or [rows, columns], not 0");
    expect(() => resize([2, 1.5])).toThrow(
      "resize needs a size of 1 to 65536, or [rows, columns], not [2,1.5]",
    );
    expect(() => resize(2, { interpolation: "cubic" as "nearest" })).toThrow(
      'resize interpolates "bilinear" or "nearest", not "cubic"',
    );
    expect(() => resize(2).bind([5])).toThrow(
      "resize needs rows and columns, but samples have the shape [5]",
    );
  });
});
