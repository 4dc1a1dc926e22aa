/** Datasets in memory, parts of them, and the transforms between a dataset and its user. */

import { describe, expect, it } from "vitest";
import { ArrayDataset, type Dataset } from "../../src/data/dataset.ts";
import { pad } from "../../src/data/spatial-transforms.ts";
import { subset } from "../../src/data/subset.ts";
import { compose, normalize, scale, withTransform } from "../../src/data/transforms.ts";

const small = new ArrayDataset({
  images: Uint8Array.of(0, 255, 51, 102, 1, 2, 3, 4, 9, 9, 9, 9),
  labels: [1, 0, 1],
  sampleShape: [1, 2, 2],
  classes: 2,
});

function read(dataset: Dataset, index: number): { label: number; values: number[] } {
  const out = new Float32Array(dataset.sampleShape.reduce((size, extent) => size * extent, 1) + 2).fill(-7);
  const label = dataset.sample(index, out, 1);
  expect([out[0], out.at(-1)]).toEqual([-7, -7]);
  return { label, values: Array.from(out.subarray(1, -1)) };
}

describe("ArrayDataset", () => {
  it("writes a sample where it is asked to and returns its label", () => {
    expect(read(small, 1)).toEqual({ label: 0, values: [1, 2, 3, 4] });
    expect(small.length).toBe(3);
    expect(small.description).toBe("3 samples of shape [1,2,2]");
  });

  it("refuses arrays that do not belong together", () => {
    const images = new Float32Array(8);
    expect(() => new ArrayDataset({ images, labels: [0, 1, 2], sampleShape: [1, 2, 2] })).toThrow(
      "3 labels need 3 samples of shape [1,2,2], that is 12 values, but got 8",
    );
    expect(() => new ArrayDataset({ images, labels: [0, 2], sampleShape: [4], classes: 2 })).toThrow(
      "label 2 at index 1 of the labels is outside the 2 classes 0..1",
    );
    expect(() => new ArrayDataset({ images, labels: [0, 0.5], sampleShape: [4] })).toThrow(
      "label 0.5 at index 1 of the labels is not a whole number from 0 on",
    );
  });

  it("refuses a sample that is not there", () => {
    for (const index of [-1, 3, 0.5, Number.NaN]) {
      expect(() => read(small, index)).toThrow(`sample ${index} does not exist: the dataset has 3 samples`);
    }
  });
});

describe("subset", () => {
  it("shows a part of a dataset, the end being the dataset's unless given", () => {
    const part = subset(small, 1);
    expect([part.length, part.classes, part.sampleShape]).toEqual([2, 2, [1, 2, 2]]);
    expect(read(part, 0)).toEqual(read(small, 1));
    expect(read(subset(small, 0, 2), 1)).toEqual(read(small, 1));
    expect(part.description).toBe("samples 1 to 2 of 3 samples of shape [1,2,2]");
  });

  it("refuses a part that is empty or reaches beyond the dataset", () => {
    for (const [start, end] of [
      [-1, 2],
      [2, 2],
      [0, 4],
      [0.5, 2],
    ] as const) {
      expect(() => subset(small, start, end)).toThrow(
        `a subset from ${start} up to ${end} is not within a dataset of 3 samples`,
      );
    }
    expect(() => read(subset(small, 0, 2), 2)).toThrow("sample 2 does not exist: the dataset has 2 samples");
  });
});

describe("transforms", () => {
  it("scale multiplies", () => {
    const { values } = read(withTransform(small, scale(1 / 255)), 0);
    expect(values.map((value) => Math.round(value * 10))).toEqual([0, 10, 2, 4]);
  });

  it("normalize takes one number or one for each channel", () => {
    expect(read(withTransform(small, normalize(1, 2)), 1).values).toEqual([0, 0.5, 1, 1.5]);
    const channels = new ArrayDataset({
      images: Float32Array.of(1, 2, 3, 4),
      labels: [0],
      sampleShape: [2, 2],
    });
    expect(read(withTransform(channels, normalize([1, 3], [1, 2])), 0).values).toEqual([0, 1, 0, 0.5]);
    expect(read(withTransform(channels, normalize([1, 3], 1)), 0).values).toEqual([0, 1, 0, 1]);
    expect(read(withTransform(channels, normalize(1, [1, 2])), 0).values).toEqual([0, 1, 1, 1.5]);
  });

  it("pad puts a border around every plane", () => {
    const padded = withTransform(small, pad(1));
    expect(padded.sampleShape).toEqual([1, 4, 4]);
    expect(read(padded, 1).values).toEqual([0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0]);
    const planes = new ArrayDataset({ images: Float32Array.of(5, 6), labels: [0], sampleShape: [2, 1, 1] });
    const bordered = read(withTransform(planes, pad(1, -1)), 0).values;
    expect(bordered).toEqual([-1, -1, -1, -1, 5, -1, -1, -1, -1, -1, -1, -1, -1, 6, -1, -1, -1, -1]);
  });

  it("compose applies one after another, and the order shows in the border", () => {
    const inside = withTransform(small, compose(pad(1), normalize(1, 2)));
    expect(read(inside, 1).values.slice(0, 6)).toEqual([-0.5, -0.5, -0.5, -0.5, -0.5, 0]);
    const outside = withTransform(small, compose(normalize(1, 2), pad(1)));
    expect(read(outside, 1).values.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(inside.description).toBe("3 samples of shape [1,2,2], pad(1), normalize(1, 2)");
    expect(inside.classes).toBe(2);
    expect(read(withTransform(small, compose()), 1).values).toEqual([1, 2, 3, 4]);
  });

  it("names what it cannot work with", () => {
    expect(() => scale(Number.NaN)).toThrow("scale needs finite numbers, not NaN");
    expect(() => normalize(0, 0)).toThrow("normalize needs a standard deviation above 0, not 0");
    expect(() => pad(1.5)).toThrow("pad needs a whole number of pixels, from 0 to 65536, not 1.5");
    expect(() => withTransform(small, normalize([1, 2, 3], 1))).toThrow(
      "normalize has 3 values, but samples of shape [1,2,2] have 1 channels",
    );
    const flat = new ArrayDataset({ images: Float32Array.of(1, 2), labels: [0], sampleShape: [2] });
    expect(() => withTransform(flat, pad(1))).toThrow(
      "pad needs rows and columns, but samples have the shape [2]",
    );
  });
});
