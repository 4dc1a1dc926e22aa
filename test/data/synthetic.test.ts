/** Synthetic digits: reproducible to the bit, each by itself, and not to be told apart by a linear model. */

import { describe, expect, it } from "vitest";
import { assembleBatch, epochOrder } from "../../src/data/batch.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { syntheticDigits } from "../../src/data/synthetic.ts";
import { linearAccuracy } from "./linear-classifier.ts";

const PIXELS = 32 * 32;

/** Fowler, Noll and Vo's hash of the pixels as bytes and of the labels. */
function checksum(dataset: Dataset): string {
  const { images, labels } = assembleBatch(dataset, epochOrder(dataset.length, 0, undefined));
  let hash = 0x811c9dc5;
  for (const value of images) hash = Math.imul(hash ^ Math.round(value * 255), 0x01000193);
  for (const label of labels) hash = Math.imul(hash ^ label, 0x01000193);
  return (hash >>> 0).toString(16);
}

describe("syntheticDigits", () => {
  it("has the sizes of its documentation", () => {
    const [train, test] = [syntheticDigits({ train: true }), syntheticDigits({ train: false })];
    expect([train.length, test.length, train.classes]).toEqual([10_000, 2_000, 10]);
    expect(train.sampleShape).toEqual([1, 32, 32]);
    expect(syntheticDigits({ train: true, size: 28 }).sampleShape).toEqual([1, 28, 28]);
    expect(train.description).toBe("10000 synthetic digits (train, seed 0)");
  });

  it("is the same to the bit for the same seed, on every engine and in every version", () => {
    expect(checksum(syntheticDigits({ train: true, count: 200 }))).toBe("90a8c01c");
    expect(checksum(syntheticDigits({ train: false, count: 200, seed: 1 }))).toBe("b36880ca");
  });

  it("makes each sample a function of its index alone", () => {
    const forward = syntheticDigits({ train: true, count: 50 });
    const backward = syntheticDigits({ train: true, count: 80 });
    const [a, b] = [new Float32Array(PIXELS), new Float32Array(PIXELS + 3)];
    const all = assembleBatch(forward, epochOrder(50, 0, undefined));
    for (let index = 49; index >= 0; index--) {
      const label = backward.sample(index, b, 3);
      expect(label).toBe(all.labels[index]);
      expect(b.subarray(3)).toEqual(all.images.subarray(index * PIXELS, (index + 1) * PIXELS));
    }
    forward.sample(7, a, 0);
    expect(a).toEqual(all.images.subarray(7 * PIXELS, 8 * PIXELS));
  });

  it("shares no image between training, test and another seed", () => {
    const seen = new Set<string>();
    const sets = [
      syntheticDigits({ train: true, count: 300 }),
      syntheticDigits({ train: false, count: 300 }),
      syntheticDigits({ train: true, count: 300, seed: 1 }),
    ];
    const image = new Float32Array(PIXELS);
    for (const dataset of sets) {
      for (let index = 0; index < 300; index++) {
        dataset.sample(index, image, 0);
        seen.add(image.join());
      }
    }
    expect(seen.size).toBe(900);
  });

  it("has every digit about equally often, and values from 0 to 1", () => {
    const { images, labels } = assembleBatch(
      syntheticDigits({ train: true, count: 1000 }),
      epochOrder(1000, 0, undefined),
    );
    const counts = new Array<number>(10).fill(0);
    for (const label of labels) counts[label]++;
    expect(Math.min(...counts)).toBeGreaterThan(70);
    expect(Math.max(...counts)).toBeLessThan(130);
    let [low, high] = [1, 0];
    for (const value of images) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    expect([low, high]).toEqual([0, 1]);
  });

  it("needs more than a linear classifier, yet is not noise to one", () => {
    const accuracy = linearAccuracy(
      syntheticDigits({ train: true, count: 8000 }),
      syntheticDigits({ train: false, count: 2000 }),
      { epochs: 8, learningRate: 0.05, batchSize: 32, seed: 1 },
    );
    expect(accuracy).toBeLessThan(0.92);
    expect(accuracy).toBeGreaterThan(0.75);
  });

  it("names options that make no sense", () => {
    expect(() => syntheticDigits({ train: true, count: 0 })).toThrow(
      "syntheticDigits needs a count of at least 1, not 0",
    );
    expect(() => syntheticDigits({ train: true, size: 4 })).toThrow(
      "syntheticDigits draws images of 12 to 256 pixels a side, not 4",
    );
    expect(() => syntheticDigits({ train: true, seed: 0.5 })).toThrow("a seed is a whole number, not 0.5");
  });
});
