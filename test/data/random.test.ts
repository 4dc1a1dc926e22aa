/** The data generator: fixed for good by known values, and its streams independent of each other. */

import { describe, expect, it } from "vitest";
import { Random } from "../../src/data/random.ts";

const draw = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.bits());

function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(square) };
}

describe("Random", () => {
  it("gives the same numbers for the same seed and stream, on every engine and in every version", () => {
    expect(draw(new Random(1, "a", 2), 4)).toEqual([99370611, 3991388432, 735887877, 2716799226]);
  });

  it("gives other numbers for another seed, name, number or length of the stream", () => {
    const streams: [number, ...(number | string)[]][] = [
      [0],
      [1],
      [2 ** 40],
      [-1],
      [0, "a"],
      [0, "b"],
      [0, "a", 0],
      [0, "a", 1],
      [0, "", 0],
      [0, 0],
    ];
    const starts = streams.map(([seed, ...stream]) => draw(new Random(seed, ...stream), 2).join());
    expect(new Set(starts).size).toBe(streams.length);
  });

  it("has independent streams: neighbours agree on no more bits than chance has it", () => {
    const [a, b] = [new Random(0, "train", 7), new Random(0, "train", 8)];
    let equalBits = 0;
    for (let i = 0; i < 1000; i++) {
      let same = ~(a.bits() ^ b.bits());
      for (; same !== 0; same &= same - 1) equalBits++;
    }
    expect(Math.abs(equalBits - 16_000)).toBeLessThan(450);
  });

  it("draws uniform numbers within their range", () => {
    const random = new Random(3);
    const values = Array.from({ length: 20_000 }, () => random.uniform(-1, 3));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values)).toBeLessThan(3);
    expect(moments(values).mean).toBeCloseTo(1, 1);
    expect(moments(values).deviation).toBeCloseTo(4 / Math.sqrt(12), 1);
  });

  it("draws bell-shaped numbers of mean 0 and deviation 1", () => {
    const random = new Random(4);
    const values = Array.from({ length: 20_000 }, () => random.normal());
    expect(moments(values).mean).toBeCloseTo(0, 1);
    expect(moments(values).deviation).toBeCloseTo(1, 1);
    const within = values.filter((value) => Math.abs(value) < 1).length / values.length;
    expect(within).toBeGreaterThan(0.64);
    expect(within).toBeLessThan(0.72);
  });

  it("draws every integer below the limit about equally often", () => {
    const random = new Random(5);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) counts[random.integer(10)]++;
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it("shuffles without losing anything, every item to every place", () => {
    const places = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const items = new Random(seed).shuffle(["a", "b", "c", "d"]);
      expect([...items].sort()).toEqual(["a", "b", "c", "d"]);
      places.add(items.join(""));
    }
    expect(places.size).toBe(24);
  });
});
