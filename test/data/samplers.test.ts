/** PyTorch's samplers: what they give, how often, and that a seed and an epoch decide it. */

import { data } from "kiln-js";
import { describe, expect, it } from "vitest";
import { WeightTree } from "../../src/data/weight-tree.ts";

const sized = (length: number) => ({ length });
const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);
const range = (length: number) => Array.from({ length }, (_, k) => k);

describe("samplers", () => {
  it("SequentialSampler and BatchSampler give what PyTorch gives", () => {
    expect([...new data.SequentialSampler(sized(4))]).toEqual([0, 1, 2, 3]);
    const ten = new data.SequentialSampler(sized(10));
    const batches = new data.BatchSampler(ten, 3);
    expect([batches.length, [...batches]]).toEqual([4, [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]]);
    const whole = new data.BatchSampler(ten, 3, true);
    expect([whole.length, [...whole].length]).toEqual([3, 3]);
  });

  it("RandomSampler gives each index once, or as many as are wanted", () => {
    const sampler = new data.RandomSampler(sized(20), { seed: 1 });
    const first = [...sampler];
    expect(sorted(first)).toEqual(range(20));
    expect([...sampler]).toEqual(first);
    sampler.setEpoch(1);
    expect([...sampler]).not.toEqual(first);
    const more = new data.RandomSampler(sized(4), { numSamples: 10 });
    expect([more.length, sorted([...more].slice(0, 8))]).toEqual([10, [0, 0, 1, 1, 2, 2, 3, 3]]);
    const again = [...new data.RandomSampler(sized(4), { replacement: true, numSamples: 100 })];
    expect([again.length, new Set(again)]).toEqual([100, new Set(range(4))]);
  });

  it("SubsetRandomSampler gives its indices in random order", () => {
    const sampler = new data.SubsetRandomSampler([5, 6, 7, 9, 11, 13]);
    expect(sorted(sampler)).toEqual([5, 6, 7, 9, 11, 13]);
    expect([...sampler]).not.toEqual([...new data.SubsetRandomSampler([5, 6, 7, 9, 11, 13], { seed: 1 })]);
  });

  it("WeightedRandomSampler gives indices as often as their weights say", () => {
    const weights = [1, 0, 3, 6];
    const counts = [0, 0, 0, 0];
    for (const index of new data.WeightedRandomSampler(weights, 20_000, { seed: 2 })) counts[index]++;
    expect(counts[1]).toBe(0);
    // A count has a standard deviation of at most sqrt(20000 / 4) = 71: six of them.
    for (const [k, weight] of weights.entries()) {
      expect(Math.abs(counts[k] - 2000 * weight)).toBeLessThan(425);
    }
    const once = [...new data.WeightedRandomSampler([1, 0, 1e-9, 5], 3, false)];
    expect(sorted(once)).toEqual([0, 2, 3]);
  });

  it("decide a loader's batches, epoch by epoch", async () => {
    const dataset = { length: 6, getItem: (k: number) => k };
    const sampler = new data.RandomSampler(dataset, { seed: 5 });
    const batchSampler = new data.BatchSampler(sampler, 4);
    const loader = new data.DataLoader(dataset, { batchSampler });
    const epochs = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      const numbers: number[] = [];
      for await (const batch of loader) numbers.push(...(await batch.data()));
      epochs.push(numbers);
      expect(sorted(numbers)).toEqual(range(6));
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    sampler.setEpoch(1);
    expect([...sampler]).toEqual(epochs[1]);
  });

  it("say what they cannot draw from", () => {
    expect(() => new data.SequentialSampler(3 as never)).toThrow("anything with a length, not the number 3");
    expect(() => new data.RandomSampler(sized(0), { numSamples: 2 })).toThrow("has no samples at all");
    expect(() => new data.WeightedRandomSampler([1, -1], 2)).toThrow("not -1 at index 1");
    expect(() => new data.WeightedRandomSampler([0, 0], 2)).toThrow("0 of its weights are above 0");
    expect(() => new data.WeightedRandomSampler([1, 0], 2, false)).toThrow(
      "cannot draw 2 samples without replacement: 1 of its weights are above 0",
    );
    expect(() => new data.BatchSampler([1, 2], 0)).toThrow("batchSize of at least 1");
    expect(() => new data.BatchSampler(7 as never, 2)).toThrow("BatchSampler needs a sampler");
  });
});

describe("the tree of weights", () => {
  it("finds each weight on its stretch, and never one of 0", () => {
    const tree = new WeightTree([1, 0, 2, 0, 1]);
    expect([0, 0.2, 0.25, 0.7, 0.75, 0.999].map((position) => tree.find(position))).toEqual([
      0, 0, 2, 2, 4, 4,
    ]);
    tree.set(4, 0);
    expect(tree.find(1 - 2 ** -53)).toBe(2);
  });
});
