/** Datasets that are iterated over, and batches of sequences of different lengths. */

import { data, type Tensor, tensor } from "kiln-js";
import { describe, expect, expectTypeOf, it } from "vitest";

/** Numbers that begin elsewhere in each epoch. */
class Counting {
  #epoch = 0;

  setEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<[Tensor, number]> {
    for (let k = 0; k < 5; k++) yield [tensor([k]), 10 * this.#epoch + k];
  }
}

async function labels(batches: AsyncIterable<[Tensor, Tensor]>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const [, y] of batches) found.push(await y.array());
  return found;
}

describe("a dataset that is iterated over", () => {
  it("is cut into batches, in each epoch anew", async () => {
    const loader = new data.DataLoader(new Counting(), { batchSize: 2 });
    expectTypeOf(loader).toEqualTypeOf<data.DataLoader<[Tensor, Tensor]>>();
    expect(await labels(loader)).toEqual([[0, 1], [2, 3], [4]]);
    expect(await labels(loader)).toEqual([[10, 11], [12, 13], [14]]);
    expect(await labels(loader.batches(2, 1))).toEqual([[22, 23], [24]]);
    expect(await labels(new data.DataLoader(new Counting(), { batchSize: 2, dropLast: true }))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(() => loader.length).toThrow("the length of this DataLoader is not known");
  });

  it("may be iterated over at once, and may know its length", async () => {
    const numbers = {
      length: 3,
      *[Symbol.iterator]() {
        yield* [1, 2, 3];
      },
    };
    const loader = new data.DataLoader(numbers, { batchSize: 2, collateFn: (items) => items });
    expectTypeOf(loader).toEqualTypeOf<data.DataLoader<number[]>>();
    expect(loader.length).toBe(2);
    const batches: number[][] = [];
    for await (const batch of loader) batches.push(batch);
    expect(batches).toEqual([[1, 2], [3]]);
  });

  it("is refused what needs numbers, and said to be used up where it is", async () => {
    expect(() => new data.DataLoader(new Counting(), { shuffle: true })).toThrow(
      "DataLoader cannot use shuffle with a dataset that is only iterated over",
    );
    expect(() => new data.DataLoader(new Counting(), { sampler: [1, 2] })).toThrow("cannot use sampler");
    const once = new data.DataLoader(new Counting()[Symbol.asyncIterator]());
    expect(await labels(once)).toHaveLength(5);
    await expect(labels(once)).rejects.toThrow(
      /gives no sample in epoch 1: a generator can be iterated only once/,
    );
  });
});

describe("paddedCollate", () => {
  const sequences: [Int32Array, number][] = [
    [Int32Array.of(1, 2, 3), 0],
    [Int32Array.of(4), 1],
  ];

  it("pads to the longest, or to a multiple, and tells the lengths", async () => {
    const [x, y] = await data.paddedCollate()(sequences);
    expect([x.dtype, await x.array(), await y.array()]).toEqual([
      "int32",
      [
        [1, 2, 3],
        [4, 0, 0],
      ],
      [0, 1],
    ]);
    const [longer] = await data.paddedCollate({ multipleOf: 4, paddingValue: -100 })(sequences);
    expect(await longer.array()).toEqual([
      [1, 2, 3, -100],
      [4, -100, -100, -100],
    ]);
    const [, , lengths] = await data.paddedCollate({ lengths: true })(sequences);
    expect([lengths.dtype, await lengths.array()]).toEqual(["int32", [3, 1]]);
  });

  it("pads rows of tensors, and is used by a loader", async () => {
    const dataset: data.ItemDataset<[Tensor, number]> = {
      length: 2,
      getItem: (k) => [tensor(Array.from({ length: k + 1 }, () => [k, 0.5])), k],
    };
    const loader = new data.DataLoader(dataset, { batchSize: 2, collateFn: data.paddedCollate() });
    for await (const [x] of loader) {
      expect(await x.array()).toEqual([
        [
          [0, 0.5],
          [0, 0],
        ],
        [
          [1, 0.5],
          [1, 0.5],
        ],
      ]);
    }
  });

  it("says what it cannot pad", async () => {
    await expect(data.paddedCollate({ paddingValue: 0.5 })(sequences)).rejects.toThrow(
      "cannot pad int32 sequences with 0.5",
    );
    await expect(data.paddedCollate()([1, 2] as never)).rejects.toThrow("samples that are tuples");
    const mixed = [
      [tensor([[1, 2]]), 1],
      [
        tensor([
          [1, 2, 3],
          [1, 2, 3],
        ]),
        1,
      ],
    ];
    await expect(data.paddedCollate()(mixed as never)).rejects.toThrow(
      /samples of a batch differ|cannot|offset/,
    );
    expect(() => data.paddedCollate({ multipleOf: 0 })).toThrow("a whole number from 1 on");
  });
});
