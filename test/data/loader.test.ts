/** Batches: every sample once an epoch, in an order that the seed and the epoch decide. */

import { describe, expect, it } from "vitest";
import { assembleBatch, epochOrder } from "../../src/data/batch.ts";
import { ArrayDataset } from "../../src/data/dataset.ts";
import { DataLoader, type DataLoaderOptions } from "../../src/data/loader.ts";
import type { Tensor } from "../../src/tensor/index.ts";

/** Ten samples of shape [2]: sample i is [i, -i] and has the label i. */
const ten = new ArrayDataset({
  images: Float32Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? i / 2 : -(i - 1) / 2)),
  labels: Array.from({ length: 10 }, (_, i) => i),
  sampleShape: [2],
});

/** The labels of one epoch, batch by batch. */
async function labelsOf(batches: AsyncIterable<[Tensor, Tensor]>): Promise<number[][]> {
  const labels: number[][] = [];
  for await (const [, y] of batches) labels.push(Array.from(await y.data()));
  return labels;
}

const load = (options: DataLoaderOptions): DataLoader => new DataLoader(ten, options);

describe("epochOrder", () => {
  it("is every index once, in order without a seed, shuffled with one", () => {
    expect(Array.from(epochOrder(5, 3, undefined))).toEqual([0, 1, 2, 3, 4]);
    const shuffled = Array.from(epochOrder(1000, 0, 1));
    expect(shuffled).not.toEqual([...shuffled].sort((a, b) => a - b));
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it("is a function of the seed and the epoch", () => {
    expect(epochOrder(100, 2, 1)).toEqual(epochOrder(100, 2, 1));
    expect(epochOrder(100, 2, 1)).not.toEqual(epochOrder(100, 3, 1));
    expect(epochOrder(100, 2, 1)).not.toEqual(epochOrder(100, 2, 2));
  });
});

describe("assembleBatch", () => {
  it("lays samples side by side", () => {
    const { images, labels } = assembleBatch(ten, [3, 9]);
    expect(Array.from(images)).toEqual([3, -3, 9, -9]);
    expect(Array.from(labels)).toEqual([3, 9]);
  });
});

describe("DataLoader", () => {
  it("gives float32 samples and int32 labels with the batch in front", async () => {
    for await (const [x, y] of load({ batchSize: 5 })) {
      expect([x.shape, x.dtype]).toEqual([[5, 2], "float32"]);
      expect([y.shape, y.dtype]).toEqual([[5], "int32"]);
      const labels = Array.from(await y.data());
      expect(Array.from(await x.data())).toEqual(labels.flatMap((label) => [label, -label]));
    }
  });

  it("delivers the smaller last batch unless it is to be dropped", async () => {
    const kept = load({ batchSize: 4 });
    expect(kept.length).toBe(3);
    expect(await labelsOf(kept)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const dropped = load({ batchSize: 4, dropLast: true });
    expect(dropped.length).toBe(2);
    expect(await labelsOf(dropped)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(load({}).length).toBe(10);
  });

  it("visits every sample once in each epoch, in a new order", async () => {
    const loader = load({ batchSize: 3, shuffle: true, seed: 1 });
    const [first, second] = [(await labelsOf(loader)).flat(), (await labelsOf(loader)).flat()];
    for (const epoch of [first, second]) {
      expect([...epoch].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(second).not.toEqual(first);
  });

  it("repeats an epoch by its number, whatever came before", async () => {
    const loader = load({ batchSize: 3, shuffle: true, seed: 1 });
    const epochs = [await labelsOf(loader), await labelsOf(loader), await labelsOf(loader)];
    const other = load({ batchSize: 3, shuffle: true, seed: 1 });
    expect(await labelsOf(other.batches(2))).toEqual(epochs[2]);
    expect(await labelsOf(other.batches(0))).toEqual(epochs[0]);
    expect(await labelsOf(other)).toEqual(epochs[0]);
    expect(await labelsOf(load({ batchSize: 3, shuffle: true, seed: 2 }))).not.toEqual(epochs[0]);
  });

  it("names options that make no sense", async () => {
    for (const batchSize of [0, -1, 2.5, Number.NaN]) {
      expect(() => load({ batchSize })).toThrow(
        `DataLoader needs a batchSize of at least 1, not ${batchSize}`,
      );
    }
    expect(() => load({ seed: 1.5 })).toThrow("a seed is a whole number, not 1.5");
    expect(() => load({ batchSize: 64, dropLast: true })).toThrow(
      "DataLoader with dropLast has no batch to give: batchSize is 64, but the dataset has 10 samples",
    );
    await expect(load({}).batches(-1).next()).rejects.toThrow("an epoch is a whole number from 0 on, not -1");
  });
});
