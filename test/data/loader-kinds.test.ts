/** Loaders over datasets of every kind: items that are put together, samplers, parts; and the options that make no sense. */

import { data, nn, type Tensor, tensor } from "kiln-js";
import { describe, expect, expectTypeOf, it } from "vitest";
import { ArrayDataset, type ItemDataset } from "../../src/data/dataset.ts";
import { DataLoader, type DataLoaderOptions } from "../../src/data/loader.ts";
import { subset } from "../../src/data/subset.ts";
import { TensorDataset } from "../../src/data/tensor-dataset.ts";

const ten = new ArrayDataset({
  images: Float32Array.from({ length: 20 }, (_, i) => i),
  labels: Array.from({ length: 10 }, (_, i) => i),
  sampleShape: [2],
});

/** Ten pairs of a tensor and a class, some at once and some later, as a file would give them. */
const pairs: ItemDataset<[Tensor, number]> = {
  length: 10,
  getItem: (index) => {
    const pair: [Tensor, number] = [tensor([index, -index]), index % 3];
    return index % 2 === 0 ? pair : Promise.resolve(pair);
  },
};

async function all<Batch>(loader: AsyncIterable<Batch>): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

describe("a dataset with getItem", () => {
  it("gives batches of what it gives, stacked", async () => {
    const loader = new DataLoader(pairs, { batchSize: 4 });
    expectTypeOf(loader).toEqualTypeOf<DataLoader<[Tensor, Tensor]>>();
    const batches = await all(loader);
    expect(batches.map(([x, y]) => [x.shape, x.dtype, y.shape, y.dtype])).toEqual(
      [4, 4, 2].map((n) => [[n, 2], "float32", [n], "int32"]),
    );
    expect(await batches[1][0].array()).toEqual([4, 5, 6, 7].map((k) => [k, -k]));
    expect(await batches[1][1].array()).toEqual([1, 2, 0, 1]);
  });

  it("may give tensors alone, and objects of tensors, typed arrays and truth values", async () => {
    const alone = new DataLoader({ length: 3, getItem: (k: number) => tensor([k]) }, { batchSize: 3 });
    expectTypeOf(alone).toEqualTypeOf<DataLoader<Tensor>>();
    const [x] = await all(alone);
    expect(await x.array()).toEqual([[0], [1], [2]]);
    const records = {
      length: 2,
      getItem: (k: number) => ({ row: Float32Array.of(k, 7), flags: [k === 0, [k]] as [boolean, [number]] }),
    };
    const [{ row, flags }] = await all(new DataLoader(records, { batchSize: 2 }));
    expect(await row.array()).toEqual([
      [0, 7],
      [1, 7],
    ]);
    expect([flags[0].dtype, await flags[0].data(), await flags[1][0].array()]).toEqual([
      "bool",
      Uint8Array.of(1, 0),
      [0, 1],
    ]);
  });

  it("draws from the seed, the epoch and the index", async () => {
    const chance: ItemDataset<Tensor> = { length: 6, getItem: (_, random) => tensor([random!.uniform()]) };
    const drawn = async (options: DataLoaderOptions, epoch = 0) => {
      const loader = new DataLoader(chance, { batchSize: 6, ...options });
      for await (const x of loader.batches(epoch)) return x.array();
    };
    expect(await drawn({ seed: 1 })).toEqual(await drawn({ seed: 1, prefetch: 0 }));
    expect(await drawn({ seed: 1 })).not.toEqual(await drawn({ seed: 2 }));
    expect(await drawn({ seed: 1 })).not.toEqual(await drawn({ seed: 1 }, 1));
  });

  it("says which samples cannot make a batch", async () => {
    const giving = (...items: unknown[]) =>
      all(new DataLoader({ length: items.length, getItem: (k: number) => items[k] }, { batchSize: 9 }));
    await expect(giving([1, 0.5])).rejects.toThrow(
      "sample[1] is the number 0.5: whole numbers become int32 classes, others are to be tensors, tensor(0.5)",
    );
    await expect(giving(tensor([1]), tensor([1, 2]))).rejects.toThrow(
      "the samples of a batch differ: sample is float32[1] in the first, and float32[2] in another; pad them",
    );
    await expect(giving({ a: 1 }, { b: 1 })).rejects.toThrow(
      "has the parts a in the first, and b in number 2",
    );
    await expect(giving([1], ["x"])).rejects.toThrow(
      'sample[0] is the number 1 in the first, and the string "x"',
    );
    await expect(giving("x")).rejects.toThrow('a batch cannot be made of sample, which is the string "x"');
    await expect(giving(new Date())).rejects.toThrow("which is an object of the class Date");
  });

  it("fails at the batch that its error belongs to, and nowhere else", async () => {
    const broken: ItemDataset<Tensor> = {
      length: 6,
      getItem: async (k) => {
        if (k === 3) throw new RangeError("sample 3 is broken");
        return tensor([k]);
      },
    };
    const batches = new DataLoader(broken, { batchSize: 2, prefetch: 4 }).batches(0);
    await batches.next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(batches.next()).rejects.toThrow("sample 3 is broken");
    expect((await batches.next()).done).toBe(true);
  });
});

describe("collateFn", () => {
  it("makes the batch, of samples with a class, of rows and of items", async () => {
    const labels = await all(
      new DataLoader(ten, { batchSize: 5, collateFn: (items) => items.map(([, y]) => y) }),
    );
    expectTypeOf(labels).toEqualTypeOf<number[][]>();
    expect(labels).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
    ]);
    const rows = new TensorDataset(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([5, 6]),
    );
    const sums = await all(
      new DataLoader(rows, {
        batchSize: 2,
        collateFn: async (items) =>
          Promise.all(items.map(async ([x, y]) => (await x.sum().item()) + (await y.item()))),
      }),
    );
    expect(sums).toEqual([[8, 13]]);
    const collateFn = (items: [Tensor, number][]) => data.defaultCollate(items.map(([x]) => x));
    const [first] = await all(new DataLoader(pairs, { batchSize: 3, collateFn }));
    expect(await first.array()).toEqual([0, 1, 2].map((k) => [k, -k]));
  });

  it("needs single samples", () => {
    const whole = { length: 2, description: "", batch: () => [tensor([1])] as const };
    expect(() => new DataLoader(whole as never, { collateFn: (items: unknown[]) => items })).toThrow(
      "DataLoader with a collateFn needs a dataset with getItem() or sample(), and this one makes whole batches by itself",
    );
  });
});

describe("samplers", () => {
  const labels = async (options: DataLoaderOptions): Promise<number[][]> =>
    Promise.all((await all(new DataLoader(ten, options))).map(async ([, y]) => Array.from(await y.data())));

  it("decide the order, with repetitions and a part alone", async () => {
    expect(await labels({ sampler: [9, 0, 0, 4, 2], batchSize: 2 })).toEqual([[9, 0], [0, 4], [2]]);
    expect(await labels({ sampler: Uint32Array.of(9, 1, 3), batchSize: 2, dropLast: true })).toEqual([
      [9, 1],
    ]);
    expect(new DataLoader(ten, { sampler: [1, 2, 3], batchSize: 2 }).length).toBe(2);
  });

  it("give whole batches", async () => {
    expect(await labels({ batchSampler: [[3], [1, 2], Uint8Array.of(9, 8, 7)] })).toEqual([
      [3],
      [1, 2],
      [9, 8, 7],
    ]);
    const loader = new DataLoader(ten, { batchSampler: [[3], [1, 2]] });
    expect([loader.length, loader.batchSize]).toEqual([2, undefined]);
  });

  it("are asked anew in each epoch, and told which it is", async () => {
    const epochs: number[] = [];
    const sampler = {
      length: 2,
      setEpoch: (epoch: number) => void epochs.push(epoch),
      *[Symbol.iterator]() {
        yield* [epochs.length, 0];
      },
    };
    const loader = new DataLoader(ten, { sampler });
    const first = async () => (await all(loader))[0][1].item();
    expect([await first(), await first(), epochs]).toEqual([1, 2, [0, 1]]);
  });

  it("must name samples that there are, and no more than they announce", async () => {
    await expect(labels({ sampler: [10] })).rejects.toThrow(
      "sample 10 does not exist: the dataset has 10 samples",
    );
    await expect(labels({ batchSampler: [[0], [-1]] })).rejects.toThrow("sample -1 does not exist");
    await expect(labels({ batchSampler: [[]] })).rejects.toThrow(
      "DataLoader's batchSampler gives an empty batch",
    );
    function* endless(): Generator<number> {
      for (;;) yield 0;
    }
    await expect(labels({ sampler: { length: 3, [Symbol.iterator]: endless } })).rejects.toThrow(
      "DataLoader's sampler gives more than the 3 that its length announces",
    );
  });
});

describe("options that make no sense", () => {
  const cases: readonly (readonly [options: object, message: string])[] = [
    [
      { numWorkers: 2 },
      "DataLoader prepares batches in this thread, so numWorkers can only be 0, not 2; prefetch says",
    ],
    [{ batch_size: 2 }, "DataLoader has no option batch_size (did you mean batchSize?)"],
    [{ pinMemory: true }, "DataLoader has no option pinMemory"],
    [
      { sampler: [1], shuffle: true },
      "DataLoader takes a sampler, which decides the order, or shuffle, not both",
    ],
    [
      { batchSampler: [[1]], batchSize: 2 },
      "DataLoader takes a batchSampler, which decides every batch, or batchSize, not both",
    ],
    [{ batchSampler: [[1]], sampler: [1] }, "or sampler, not both"],
    [{ sampler: new Set([1]) }, "DataLoader needs a sampler that is iterable and has a length"],
    [
      { collateFn: 3 },
      "DataLoader needs a collateFn that makes a batch of a list of samples, not the number 3",
    ],
    [{ shuffle: 1 }, "DataLoader needs true or false for shuffle, not the number 1"],
    [{ sampler: [1, 2], batchSize: 3, dropLast: true }, "but the sampler has 2 samples"],
  ];
  it.each(cases)("%s", (options, message) => {
    expect(() => new DataLoader(ten, options as DataLoaderOptions)).toThrow(message);
  });

  it("numWorkers 0 is what happens anyway", () => {
    expect(new DataLoader(ten, { numWorkers: 0 }).length).toBe(10);
  });

  it("what is no dataset is named", () => {
    expect(() => new DataLoader([1, 2] as never)).toThrow(
      "DataLoader takes a dataset, with a length and getItem() or sample() or batch(), not an array",
    );
    expect(() => new DataLoader(new nn.Linear(1, 1) as never)).toThrow("not an object of the class Linear");
    expect(() => new DataLoader({ length: 1, sample: () => 0 } as never)).toThrow(
      "needs the shape of one sample",
    );
  });

  it("a sample without a label is not of class 0", async () => {
    const silent = {
      length: 2,
      sampleShape: [1],
      description: "",
      sample: () => undefined as unknown as number,
    };
    await expect(all(new DataLoader(silent))).rejects.toThrow(
      "sample() of a dataset gives the label of a sample, a whole number, not undefined for sample 0",
    );
  });
});

describe("subset", () => {
  it("is a part of tensors, of items and of a part", async () => {
    const rows = subset(new TensorDataset(tensor([0, 1, 2, 3, 4]), tensor([0, -1, -2, -3, -4])), 1, 4);
    expect(rows.description).toBe("samples 1 to 3 of 5 samples of 2 tensors");
    const [[a, b]] = await all(new DataLoader(subset(rows, 1), { batchSize: 9 }));
    expect([await a.array(), await b.array()]).toEqual([
      [2, 3],
      [-2, -3],
    ]);
    expect(await (await rows.getItem(2))[0].item()).toBe(3);
    const [[x, y]] = await all(new DataLoader(subset(pairs, 7), { batchSize: 9 }));
    expect([await x.array(), await y.array()]).toEqual([[7, 8, 9].map((k) => [k, -k]), [1, 2, 0]]);
    expect(() => subset(pairs, 7).getItem(3)).toThrow("sample 3 does not exist: the dataset has 3 samples");
    await expect(all(new DataLoader(subset(rows, 0, 1), { sampler: [1] }))).rejects.toThrow(
      "sample 1 does not exist",
    );
  });
});
