/**
 * Random numbers for data: for the contents and the order of samples. Uses only integer arithmetic and exact
 * floating-point operations, so that a seed gives the same bits on every JavaScript engine.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";

/** The initial values of the four words of the state; any four different numbers will do. */
const LANES = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667] as const;

/** Spread of a sum of four independent bytes: each has variance (256² − 1) / 12. */
const FOUR_BYTES_DEVIATION = Math.sqrt((4 * (256 * 256 - 1)) / 12);
const FOUR_BYTES_MEAN = 510;

/**
 * A xoshiro128** generator. Its state comes from a seed and the names or numbers of a stream; different
 * streams of one seed are independent, so one sample can be drawn without drawing those before it.
 */
export class Random {
  readonly #state = Uint32Array.from(LANES);

  constructor(seed: number, ...stream: readonly (number | string)[]) {
    this.#absorbNumber(seed);
    for (const part of stream) {
      if (typeof part === "number") this.#absorbNumber(part);
      else this.#absorbText(part);
    }
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1;
  }

  /** 32 random bits as an integer from 0 up to 2³² − 1. */
  bits(): number {
    const state = this.#state;
    const second = state[1];
    const result = Math.imul(rotateLeft(Math.imul(second, 5), 7), 9) >>> 0;
    state[2] ^= state[0];
    state[3] ^= second;
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= second << 9;
    state[3] = rotateLeft(state[3], 11);
    return result;
  }

  /** A number from `low` up to, not including, `high`. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 0x1_0000_0000);
  }

  /** A number from 0 up to, not including, 1 with all the 53 bits that such a number has: for shares of many things. */
  fine(): number {
    return (this.bits() * 0x20_0000 + (this.bits() >>> 11)) / 2 ** 53;
  }

  /**
   * An approximately normal number of mean 0 and standard deviation 1, never beyond ±3.46: the sum of the four bytes of
   * one draw. Close enough to the normal distribution for noise and jitter, and several times cheaper.
   */
  normal(): number {
    const bits = this.bits();
    const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
    return (sum - FOUR_BYTES_MEAN) / FOUR_BYTES_DEVIATION;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  integer(limit: number): number {
    return Math.floor(this.uniform(0, limit));
  }

  /** Puts `items` into a random order, in place (Fisher and Yates); gives `items` back. */
  shuffle<Items extends Uint32Array | unknown[]>(items: Items): Items {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const moved = items[last];
      items[last] = items[other];
      items[other] = moved;
    }
    return items;
  }

  /** The numbers 0 … length - 1 in a random order. */
  permutation(length: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length }, (_, index) => index));
  }

  #absorbNumber(value: number): void {
    this.#absorbWord(value >>> 0);
    this.#absorbWord(Math.floor(value / 0x1_0000_0000) >>> 0);
  }

  #absorbText(text: string): void {
    for (let position = 0; position < text.length; position++) this.#absorbWord(text.charCodeAt(position));
    this.#absorbWord(~text.length);
  }

  #absorbWord(word: number): void {
    for (let lane = 0; lane < LANES.length; lane++) {
      this.#state[lane] = scramble(this.#state[lane] ^ word) + LANES[lane];
    }
  }
}

/**
 * The source of random transforms for one sample: a function of the loader's seed, the epoch and the sample's index, so
 * that a resumed training sees the same samples.
 */
export function sampleRandom(seed: number, epoch: number, index: number): Random {
  return new Random(seed, "sample", epoch, index);
}

/** Throws unless `seed` is a whole number that JavaScript holds exactly. */
export function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed))
    throw new KilnError(
      `a seed is a whole number, not ${typeof seed === "number" ? seed : describeValue(seed)}`,
    );
}

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count));
}

/** MurmurHash3's finalizer: every bit of the input changes about half of the bits of the result. */
function scramble(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
