/** Parts of datasets and datasets of parts: random splits, subsets by index, and one dataset after another. */

import { data, type Tensor, tensor } from "kiln-js";
import { describe, expect, expectTypeOf, it } from "vitest";

const digits = (count: number, classes = 10): data.Dataset =>
  new data.ArrayDataset({
    images: Float32Array.from({ length: count }, (_, i) => i),
    labels: Array.from({ length: count }, (_, i) => i % classes),
    sampleShape: [1],
    classes,
  });
const items: data.ItemDataset<[Tensor, number]> = { length: 4, getItem: (k) => [tensor([k]), k] };
const rows = new data.TensorDataset(tensor([[0], [1], [2], [3]]), tensor([0, 1, 2, 3]));

/** The first numbers of all samples. */
async function firsts(dataset: data.Dataset): Promise<number[]> {
  const loader = new data.DataLoader(dataset, { batchSize: 3 });
  const found: number[] = [];
  for await (const [x] of loader) found.push(...(await x.data()));
  return found;
}

describe("randomSplit", () => {
  it("cuts by numbers and by fractions as PyTorch counts them", () => {
    // torch.utils.data.random_split(range(n), fractions): rounded down, then one more for each from the first on.
    const counts = (n: number, lengths: number[]) =>
      data.randomSplit(digits(n), lengths).map(({ length }) => length);
    expect(counts(10, [7, 3])).toEqual([7, 3]);
    expect(counts(10, [0.3, 0.3, 0.4])).toEqual([3, 3, 4]);
    expect(counts(11, [0.5, 0.5])).toEqual([6, 5]);
    expect(counts(7, [0.25, 0.25, 0.25, 0.25])).toEqual([2, 2, 2, 1]);
    expect(counts(3, [1, 0])).toEqual([3, 0]);
  });

  it("shares no sample, loses none, and is a function of the seed", async () => {
    const parts = data.randomSplit(digits(20), [0.6, 0.4], { seed: 3 });
    const drawn = await Promise.all(parts.map(firsts));
    expect(drawn.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, k) => k));
    expect(drawn[0]).not.toEqual([...drawn[0]].sort((a, b) => a - b));
    const again = data.randomSplit(digits(20), [0.6, 0.4], { seed: 3 });
    expect(await Promise.all(again.map(firsts))).toEqual(drawn);
    const other = data.randomSplit(digits(20), [0.6, 0.4], { seed: 4 });
    expect(await Promise.all(other.map(firsts))).not.toEqual(drawn);
  });

  it("says what is wrong with the lengths", () => {
    expect(() => data.randomSplit(digits(10), [5, 4])).toThrow(
      "the parts of randomSplit, [5, 4], are neither fractions that sum to 1 nor lengths that sum to the dataset's 10 samples",
    );
    expect(() => data.randomSplit(digits(10), [0.5, 0.4])).toThrow("[0.5, 0.4], are neither fractions");
    expect(() => data.randomSplit(digits(10), [-1, 11])).toThrow("not [-1, 11]");
    expect(() => data.randomSplit(digits(10), 2 as never)).toThrow("not the number 2");
    expect(() => data.randomSplit(digits(10), [10], { sed: 1 } as never)).toThrow("no option sed");
  });
});

describe("Subset", () => {
  it("has the samples at the indices, in their order, and what the whole is made of", async () => {
    const part = new data.Subset(digits(10, 5), [7, 2, 2]);
    expect(part).toBeInstanceOf(data.Subset);
    expect([part.length, part.classes, part.sampleShape]).toEqual([3, 5, [1]]);
    expect(await firsts(part)).toEqual([7, 2, 2]);
    expect(() => new data.Subset(digits(10), [10])).toThrow("sample 10 does not exist");
    expect(() => new data.Subset(digits(10), 3 as never)).toThrow("Subset takes the indices");
  });

  it("is made of datasets of every kind", async () => {
    const ofItems = new data.Subset(items, [3, 0]);
    expectTypeOf(new data.DataLoader(ofItems)).toEqualTypeOf<data.DataLoader<[Tensor, Tensor]>>();
    for await (const [x, y] of new data.DataLoader(ofItems, { batchSize: 2 })) {
      expect([await x.array(), await y.array()]).toEqual([
        [[3], [0]],
        [3, 0],
      ]);
    }
    for await (const [x, y] of new data.DataLoader(new data.Subset(rows, [2, 1]), { batchSize: 2 })) {
      expect([await x.array(), await y.array()]).toEqual([
        [[2], [1]],
        [2, 1],
      ]);
    }
  });
});

describe("ConcatDataset", () => {
  it("has the samples of one after those of the other", async () => {
    const both = new data.ConcatDataset([digits(3), data.subset(digits(10), 8)]);
    expect(both).toBeInstanceOf(data.ConcatDataset);
    expect([both.length, both.cumulativeSizes, both.classes]).toEqual([5, [3, 5], 10]);
    expect(await firsts(both)).toEqual([0, 1, 2, 8, 9]);
  });

  it("is made of items and of tensors", async () => {
    const both = new data.ConcatDataset<readonly [Tensor, Tensor | number]>([items, rows]);
    expect([both.length, (await both.getItem(5))[0].shape]).toEqual([8, [1]]);
    expect(() => both.getItem(8)).toThrow("sample 8 does not exist: the dataset has 8 samples");
  });

  it("refuses datasets that do not go together", () => {
    expect(() => new data.ConcatDataset([])).toThrow("at least one dataset");
    expect(() => new data.ConcatDataset([digits(3), digits(3, 2)])).toThrow(
      "they have 10 classes and 2 classes",
    );
    expect(() => new data.ConcatDataset([digits(3), items] as never)).toThrow(
      "all have sample(), or all have getItem()",
    );
    const wide = data.syntheticDigits({ train: true, count: 2 });
    expect(() => new data.ConcatDataset([digits(3), wide])).toThrow("have [1] and [1,32,32]");
  });
});
