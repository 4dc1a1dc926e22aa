/** Text grows without a new program per token: with a key–value cache, and padded; both write what the net says. */

import { arange, manualSeed, randn, tensor } from "kiln-js";
import { afterEach, expect, test } from "vitest";
import { CharGPT } from "../../examples/zoo/char-gpt.ts";
import { writeInBuckets, writeWithCache } from "../../examples/zoo/generation.ts";
import { rotary, sinusoidal } from "../../examples/zoo/positions.ts";
import { debugTo, setDebug } from "../../src/runtime/inspection/debug.ts";

afterEach(() => setDebug(undefined));

/** The most likely one. */
const likeliest = (scores: ArrayLike<number>): number => {
  const list = Array.from(scores);
  return list.indexOf(Math.max(...list));
};

type Write = (
  net: CharGPT,
  prompt: number[],
  count: number,
  choose: typeof likeliest,
  bucket?: number,
) => Promise<number[]>;

/** What is written, the scores on the way, and what was compiled for it. */
async function written(write: Write, net: CharGPT, prompt: number[], bucket?: number) {
  const lines: string[] = [];
  setDebug(debugTo(1, (line) => lines.push(line)));
  const scores: number[][] = [];
  const choose = (all: ArrayLike<number>): number => {
    scores.push(Array.from(all));
    return likeliest(all);
  };
  const text = await write(net, prompt, 14, choose, bucket);
  return { text, scores, programs: lines.filter((line) => line.includes("compiled in")) };
}

test("with a cache and without, the same is written, beyond the window that attention sees", async () => {
  manualSeed(3);
  const net = new CharGPT(16, 6);
  const prompt = [1, 4, 2];
  const cached = await written(writeWithCache, net, prompt);
  const padded = await written(writeInBuckets, net, prompt, 8);
  expect(cached.text.length).toBe(17);
  expect(cached.text).toEqual(padded.text);
  expect(new Set(cached.text).size).toBeGreaterThan(3);
  for (const [k, scores] of cached.scores.entries()) {
    // Sums of up to 64 numbers around 1 in another order, through two blocks.
    for (const [c, score] of scores.entries()) expect(score).toBeCloseTo(padded.scores[k][c], 5);
  }
  expect(cached.programs.length, cached.programs.join("\n")).toBe(1);
  expect(padded.programs.length, padded.programs.join("\n")).toBe(2);
});

test("rotary: what a query and a key have in common depends on how far apart they stand alone", async () => {
  const [q, k] = [randn(1, 8), randn(1, 8)];
  const product = async (from: number, to: number): Promise<number> => {
    const at = (position: number) => tensor([position], { dtype: "int32" });
    return rotary(q, at(from))
      .mul(rotary(k, at(to)))
      .sum()
      .item();
  };
  // Angles up to 107 are off by 4e-6.
  expect(await product(3, 10)).toBeCloseTo(await product(100, 107), 3);
  expect(await product(3, 10)).not.toBeCloseTo(await product(3, 11), 3);
  expect(await rotary(q, arange(1, { dtype: "int32" })).data()).toEqual(await q.data());
});

test("sinusoidal: sines and cosines in turn, each pair a wave of its own", async () => {
  const rows = (await sinusoidal(3, 4).array()) as number[][];
  const expected = [Math.sin(2), Math.cos(2), Math.sin(0.02), Math.cos(0.02)];
  for (const [k, value] of expected.entries()) expect(rows[2][k]).toBeCloseTo(value, 6);
});
