/** Random tensors: the generator's published known answers, distributions, and what the seed decides. */

import { beforeEach, describe, expect, it } from "vitest";
import { philox } from "../../src/core/philox.ts";
import {
  generatorState,
  manualSeed,
  rand,
  randint,
  randn,
  setGeneratorState,
  uniformInto,
} from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

beforeEach(() => manualSeed(0));

const numbers = async (t: Tensor): Promise<number[]> => [...(await t.data())];

const moment = (values: readonly number[], power: number): number =>
  values.reduce((sum, value) => sum + value ** power, 0) / values.length;

describe("philox", () => {
  // The vectors of Random123's kat_vectors for philox4x32 with 10 rounds.
  it.each([
    {
      counter: [0, 0, 0, 0],
      key: [0, 0],
      words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ])("gives the published words for counter $counter", ({ counter, key, words }) => {
    const out = new Uint32Array(4);
    philox(counter, key, out);
    expect([...out]).toEqual(words);
  });
});

describe("the seed", () => {
  it("is 0 until it is set, and starts the same sequence each time", async () => {
    const first = await numbers(rand(7));
    expect(first[0]).toBe((0x6627e8d5 >>> 8) / 2 ** 24);
    expect(await numbers(rand(7))).not.toEqual(first);
    manualSeed(0);
    expect(await numbers(rand(7))).toEqual(first);
  });

  it("decides the numbers, whatever its size and sign", async () => {
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER];
    const starts = [];
    for (const seed of seeds) {
      manualSeed(seed);
      starts.push(String(await numbers(rand(3))));
    }
    expect(new Set(starts).size).toBe(seeds.length);
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY])("cannot be %s", (seed) => {
    expect(() => manualSeed(seed)).toThrow(`a seed is a whole number, not ${seed}`);
  });
});

describe("rand", () => {
  it("spreads float32 numbers evenly over [0, 1)", async () => {
    const t = rand([40, 50], 10);
    expect([t.shape, t.dtype]).toEqual([[40, 50, 10], "float32"]);
    const values = await numbers(t);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(moment(values, 1)).toBeCloseTo(1 / 2, 2);
    expect(moment(values, 2)).toBeCloseTo(1 / 3, 2);
  });

  it("refuses a shape that is none", () => {
    expect(() => rand(2, -1)).toThrow("rand needs a shape of whole numbers, not [2,-1]");
  });
});

describe("randn", () => {
  it("has the moments of the normal distribution", async () => {
    const values = await numbers(randn(40_001));
    expect(Math.abs(moment(values, 1))).toBeLessThan(0.02);
    expect(Math.abs(moment(values, 2) - 1)).toBeLessThan(0.03);
    expect(Math.abs(moment(values, 3))).toBeLessThan(0.08);
    expect(Math.abs(moment(values, 4) - 3)).toBeLessThan(0.2);
  });

  it("correlates no neighbours", async () => {
    const values = await numbers(randn(40_000));
    for (const distance of [1, 2, 3, 4]) {
      const products = values.slice(distance).map((value, i) => value * values[i]);
      expect(Math.abs(moment(products, 1))).toBeLessThan(0.02);
    }
  });

  it("gives a scalar for no extents", () => expect(randn().shape).toEqual([]));
});

describe("randint", () => {
  it("draws every int32 below the limit about equally often", async () => {
    const t = randint(10, [20_000]);
    expect(t.dtype).toBe("int32");
    const counts = new Array<number>(10).fill(0);
    for (const value of await numbers(t)) counts[value]++;
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it("starts where it is told", async () => {
    expect(new Set(await numbers(randint(-2, 1, [100])))).toEqual(new Set([-2, -1, 0]));
  });

  it.each([
    [3, 3],
    [0, 1.5],
    [0, 2 ** 33],
  ])("refuses the range %s to %s", (low, high) => {
    expect(() => randint(low, high, [1])).toThrow(`low is ${low} and high is ${high}`);
  });
});

describe("uniformInto", () => {
  it("stays within the bounds", () => {
    const data = new Float32Array(10_000);
    uniformInto(data, -0.2, 0.2);
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.2));
    expect(Math.min(...data)).toBeLessThan(-0.199);
    expect(Math.max(...data)).toBeGreaterThan(0.199);
  });
});

it("the generator goes on from where its state was taken", async () => {
  manualSeed(2 ** 40 + 5);
  await rand(7).data();
  const state = generatorState();
  expect(state).toEqual({ seed: 2 ** 40 + 5, blocksDrawn: 2 });
  const next = await rand(5).data();
  manualSeed(1);
  setGeneratorState(state);
  expect(await rand(5).data()).toEqual(next);
  expect(() => setGeneratorState({ seed: 1, blocksDrawn: -1 })).toThrow("the number of blocks drawn");
  expect(() => setGeneratorState({ seed: 0.5, blocksDrawn: 0 })).toThrow("a seed is a whole number, not 0.5");
});
