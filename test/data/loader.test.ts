/** Batches: every sample once an epoch, in an order that the seed and the epoch decide, prepared ahead of use. */

import { setImmediate } from "node:timers/promises";
import { arange, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import { assembleBatch, epochOrder } from "../../src/data/batch.ts";
import { ArrayDataset, type Dataset } from "../../src/data/dataset.ts";
import { DataLoader, type DataLoaderOptions } from "../../src/data/loader.ts";
import { randomCrop } from "../../src/data/spatial-transforms.ts";
import { TensorDataset } from "../../src/data/tensor-dataset.ts";
import { withTransform } from "../../src/data/transforms.ts";
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

describe("the epoch", () => {
  it("is known, goes on by one with each loop, and can be set, so that a resumed training goes on", async () => {
    const loader = load({ batchSize: 3, shuffle: true, seed: 1 });
    expect(loader.epoch).toBe(0);
    const epochs = [await labelsOf(loader), await labelsOf(loader), await labelsOf(loader)];
    expect(loader.epoch).toBe(3);
    const resumed = load({ batchSize: 3, shuffle: true, seed: 1 });
    resumed.setEpoch(1);
    expect(await labelsOf(resumed)).toEqual(epochs[1]);
    expect(await labelsOf(resumed)).toEqual(epochs[2]);
    expect(resumed.epoch).toBe(3);
    expect(() => resumed.setEpoch(0.5)).toThrow("an epoch is a whole number from 0 on, not 0.5");
  });

  it("can be entered at any batch, without preparing those before", async () => {
    const loader = load({ batchSize: 3, shuffle: true, seed: 1 });
    const whole = await labelsOf(loader.batches(2));
    for (let first = 0; first <= 4; first++) {
      expect(await labelsOf(loader.batches(2, first))).toEqual(whole.slice(first));
    }
    for (const first of [-1, 5, 0.5]) {
      await expect(loader.batches(2, first).next()).rejects.toThrow(
        `the first batch is one of the 4 of an epoch, not ${first}`,
      );
    }
  });

  it("decides with the seed what random transforms do", async () => {
    const images = Float32Array.from({ length: 90 }, (_, i) => i);
    const plain = new ArrayDataset({ images, labels: new Uint8Array(10), sampleShape: [1, 3, 3] });
    const augmented = withTransform(plain, randomCrop(1));
    const pixels = async (seed: number, epoch: number, options: DataLoaderOptions) => {
      const seen: number[] = [];
      const loader = new DataLoader(augmented, { seed, ...options });
      for await (const [x] of loader.batches(epoch)) seen.push(...(await x.data()));
      return seen;
    };
    const once = await pixels(1, 4, { batchSize: 3 });
    expect(await pixels(1, 4, { batchSize: 7, prefetch: 0 })).toEqual(once);
    expect(await pixels(1, 5, { batchSize: 3 })).not.toEqual(once);
    expect(await pixels(2, 4, { batchSize: 3 })).not.toEqual(once);
    const shuffled = await pixels(1, 4, { batchSize: 3, shuffle: true });
    expect(shuffled).not.toEqual(once);
    expect(shuffled.sort((a, b) => a - b)).toEqual(once.sort((a, b) => a - b));
  });
});

describe("prefetch", () => {
  /** Ten samples that note when they are asked for; sample `broken` throws. */
  function noting(broken = -1): { dataset: Dataset; asked: number[] } {
    const asked: number[] = [];
    const dataset: Dataset = {
      length: 10,
      sampleShape: [1],
      description: "noting samples",
      sample(index, out, offset) {
        asked.push(index);
        if (index === broken) throw new RangeError(`sample ${index} is broken`);
        out[offset] = index;
        return index;
      },
    };
    return { dataset, asked };
  }

  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await setImmediate();
  };

  it("prepares batches while the consumer waits, but never more than it is told", async () => {
    const { dataset, asked } = noting();
    const batches = new DataLoader(dataset, { batchSize: 2, prefetch: 2 }).batches(0);
    await batches.next();
    expect(asked).toEqual([0, 1]);
    await turns(10);
    expect(asked).toEqual([0, 1, 2, 3, 4, 5]);
    await batches.next();
    expect(asked).toHaveLength(6);
    await turns(10);
    expect(asked).toHaveLength(8);
    await batches.return();
  });

  it("prepares nothing ahead when it is 0", async () => {
    const { dataset, asked } = noting();
    const batches = new DataLoader(dataset, { batchSize: 2, prefetch: 0 }).batches(0);
    await batches.next();
    await turns(10);
    expect(asked).toEqual([0, 1]);
    await batches.return();
  });

  it("gives the same batches however often the consumer waits", async () => {
    for (const prefetch of [0, 1, 3, 100]) {
      const loader = new DataLoader(noting().dataset, { batchSize: 3, shuffle: true, seed: 5, prefetch });
      const eager = await labelsOf(loader.batches(1));
      const waiting: number[][] = [];
      for await (const [, y] of loader.batches(1)) {
        await turns(3);
        waiting.push(Array.from(await y.data()));
      }
      expect(waiting).toEqual(eager);
      expect(eager.flat()).toEqual(Array.from(epochOrder(10, 1, 5)));
    }
  });

  it("throws what a sample throws at the batch it belongs to, not before", async () => {
    const { dataset, asked } = noting(5);
    const batches = new DataLoader(dataset, { batchSize: 2, prefetch: 4 }).batches(0);
    await batches.next();
    await turns(10);
    expect(asked).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await batches.next()).done).toBe(false);
    await expect(batches.next()).rejects.toThrow("sample 5 is broken");
    expect((await batches.next()).done).toBe(true);
    await turns(10);
    expect(asked).toHaveLength(6);
  });

  it("leaves nothing under way when the loop is left", async () => {
    const { dataset, asked } = noting();
    for await (const _ of new DataLoader(dataset, { batchSize: 2, prefetch: 3 })) break;
    await turns(10);
    expect(asked).toEqual([0, 1]);
    expect(() => new DataLoader(dataset, { prefetch: -1 })).toThrow(
      "DataLoader needs a prefetch of 0 or more batches to prepare ahead, not -1",
    );
  });
});

describe("TensorDataset", () => {
  it("gives rows of its tensors, with their types, lazy ones computed", async () => {
    const x = arange(12).reshape([6, 2]).mul(2);
    const y = tensor(Int32Array.of(5, 4, 3, 2, 1, 0));
    const seen: unknown[] = [];
    const loader = new DataLoader(new TensorDataset(x, y, tensor([0, 1, 2, 3, 4, 5])), { batchSize: 4 });
    for await (const [a, b, c] of loader) {
      seen.push([a.shape, a.dtype, b.dtype, await a.array(), await b.array(), await c.array()]);
    }
    const first = [
      [0, 2],
      [4, 6],
      [8, 10],
      [12, 14],
    ];
    expect(seen).toEqual([
      [[4, 2], "float32", "int32", first, [5, 4, 3, 2], [0, 1, 2, 3]],
      [
        [2, 2],
        "float32",
        "int32",
        [
          [16, 18],
          [20, 22],
        ],
        [1, 0],
        [4, 5],
      ],
    ]);
  });

  it("shuffles all its tensors alike", async () => {
    const numbers = arange(20);
    const loader = new DataLoader(new TensorDataset(numbers, numbers.neg()), { shuffle: true, seed: 3 });
    const order: number[] = [];
    for await (const [a, b] of loader) {
      expect(await b.item()).toBe(-(await a.item()));
      order.push(await a.item());
    }
    expect(order).toEqual(Array.from(epochOrder(20, 0, 3)));
  });

  it("names tensors that do not belong together", () => {
    expect(() => new TensorDataset(arange(3), arange(4))).toThrow(
      "TensorDataset needs tensors with the same number of samples, but their shapes are [3], [4]",
    );
    expect(() => new TensorDataset()).toThrow("TensorDataset takes tensors of at least one dimension");
  });
});
