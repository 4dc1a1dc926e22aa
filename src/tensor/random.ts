/**
 * Random tensors. The numbers come from Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"),
 * whose 32-bit integer arithmetic gives the same bits everywhere. The seed is 0 until `manualSeed` is called: a
 * program that never calls it draws the same numbers each time it runs.
 */

import { KilnError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { Tensor } from "./tensor.ts";

const WORD = 0x1_0000_0000;
const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
/** What the key grows by in each round: the golden ratio and √3 - 1. */
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;

/** Writes the four random words of the block `counter` (four words) under `key` (two words) to `out`. */
export function philox(counter: ArrayLike<number>, key: ArrayLike<number>, out: Uint32Array): void {
  let [c0, c1, c2, c3] = [counter[0], counter[1], counter[2], counter[3]];
  let [k0, k1] = [key[0], key[1]];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIERS[0], c0);
    const high1 = multiplyHigh(MULTIPLIERS[1], c2);
    const low0 = Math.imul(MULTIPLIERS[0], c0);
    const low1 = Math.imul(MULTIPLIERS[1], c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL[0]) | 0;
    k1 = (k1 + WEYL[1]) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The upper 32 bits of the 64-bit product of two unsigned words. */
function multiplyHigh(a: number, b: number): number {
  const [aLow, aHigh] = [a & 0xffff, a >>> 16];
  const [bLow, bHigh] = [b & 0xffff, b >>> 16];
  const low = Math.imul(aLow, bLow) >>> 16;
  const middle = (Math.imul(aHigh, bLow) >>> 0) + low;
  const carry = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** The state of all random functions: the seed, and how many blocks have been drawn since it was set. */
const key = new Uint32Array(2);
let blocksDrawn = 0;

/** Starts the sequence of random numbers that belongs to `seed`, a whole number. */
export function manualSeed(seed: number): void {
  if (!Number.isSafeInteger(seed)) throw new KilnError(`a seed is a whole number, not ${seed}`);
  key[0] = seed;
  key[1] = Math.floor(seed / WORD);
  blocksDrawn = 0;
}

/** Calls `take` for each group of four positions up to `length` with four fresh words. */
function draw(length: number, take: (words: Uint32Array, position: number) => void): void {
  const words = new Uint32Array(4);
  for (let position = 0; position < length; position += 4) {
    philox([blocksDrawn, Math.floor(blocksDrawn / WORD), 0, 0], key, words);
    blocksDrawn++;
    take(words, position);
  }
}

/** Fills `data` with numbers spread evenly from `low` to `high`. */
export function uniformInto(data: Float32Array, low: number, high: number): void {
  draw(data.length, (words, position) => {
    const end = Math.min(position + 4, data.length);
    for (let i = position; i < end; i++) data[i] = low + (high - low) * unit(words[i - position]);
  });
}

/** 24 bits of a word as a float32 in [0, 1). */
const unit = (word: number): number => (word >>> 8) / 0x100_0000;

/** Fills `data` with normally distributed numbers (Box and Muller: two words give two of them). */
function normalInto(data: Float32Array): void {
  draw(data.length, (words, position) => {
    const end = Math.min(position + 4, data.length);
    for (let i = position; i < end; i += 2) {
      const radius = Math.sqrt(-2 * Math.log((words[i - position] + 1) / WORD));
      const angle = 2 * Math.PI * (words[i - position + 1] / WORD);
      data[i] = radius * Math.cos(angle);
      if (i + 1 < end) data[i + 1] = radius * Math.sin(angle);
    }
  });
}

/** Numbers spread evenly over [0, 1). */
export const rand = (...shape: readonly (number | readonly number[])[]): Tensor =>
  floats("rand", shape.flat() as number[], (data) => uniformInto(data, 0, 1));

/** Normally distributed numbers of mean 0 and standard deviation 1. */
export const randn = (...shape: readonly (number | readonly number[])[]): Tensor =>
  floats("randn", shape.flat() as number[], normalInto);

function floats(name: string, shape: Shape, fill: (data: Float32Array) => void): Tensor {
  const data = new Float32Array(checkedSize(name, shape));
  fill(data);
  return Tensor.fromData(data, shape, "float32");
}

/** Whole numbers (int32) from `low`, 0 unless told, up to but not including `high`. */
export function randint(high: number, shape: Shape): Tensor;
export function randint(low: number, high: number, shape: Shape): Tensor;
export function randint(...given: [number, Shape] | [number, number, Shape]): Tensor {
  const [low, high, shape] = given.length === 2 ? [0, ...given] : given;
  const isInt32 = (value: number): boolean => (value | 0) === value;
  if (!isInt32(low) || !isInt32(high - 1) || high <= low) {
    throw new KilnError(
      `randint draws int32 numbers from low to below high, but low is ${low} and high is ${high}`,
    );
  }
  const data = new Int32Array(checkedSize("randint", shape));
  draw(data.length, (words, position) => {
    const end = Math.min(position + 4, data.length);
    for (let i = position; i < end; i++) {
      data[i] = low + Math.floor((words[i - position] / WORD) * (high - low));
    }
  });
  return Tensor.fromData(data, shape, "int32");
}

function checkedSize(name: string, shape: Shape): number {
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) {
    throw new KilnError(`${name} needs a shape of whole numbers, not [${shape}]`);
  }
  return sizeOf(shape);
}
