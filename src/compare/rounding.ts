/**
 * What float32 explains of a difference. A sum of n terms that are rounded to 24 bits is off by about √n units of 2⁻²⁴, a
 * long one, which runs in blocks, by those of a block for each level of blocks; what such errors come to further on is
 * not estimated but measured: the oracle runs a second time with rounded numbers.
 */

import { type DType, isFloat } from "../core/dtype.ts";
import { BLOCK } from "../loop/sum-blocks.ts";
import type { Kernel } from "../loop/types.ts";
import type { ValueDifference } from "./types.ts";

/** Half the distance between float32 numbers near 1. */
const UNIT = 2 ** -24;

/** Fewer operations than this count as so many, as elementary functions are accurate to a few units. */
const FEWEST_TERMS = 16;

/** The error of Winograd's method on unit-sized data, for which it gives up exact products (`winograd: false` does not). */
const WINOGRAD = 1e-5;

/** So many times the usual error is still rounding: the largest of a million normal deviates is 5 of them. */
const MARGIN = 8;

/** Of integers and truth values one element in so many may be decided otherwise, where two numbers were nearly equal. */
const DECISIONS = 1000;

/** The error that a kernel makes by itself, as a share of the largest number that it stores among `stored` elements. */
export function roundingOf({ nominalFlops, schedule }: Kernel, stored: number): number {
  const terms = Math.max(FEWEST_TERMS, nominalFlops / Math.max(1, stored));
  const isWinograd = schedule?.some(({ kind }) => kind === "winograd");
  return Math.max(UNIT * Math.sqrt(roundings(terms)), isWinograd ? WINOGRAD : 0);
}

/** How many roundings one after the other a sum of so many terms goes through: those of a block at each level. */
const roundings = (terms: number): number =>
  terms <= BLOCK ? terms : BLOCK * Math.ceil(Math.log(terms) / Math.log(BLOCK));

/**
 * To how many bits the second run of the oracle rounds, so that it errs at least as kernels with these errors do. One number
 * for all of them: equal numbers stay equal, signs and zeros stay, and so do decisions that hang on them.
 */
export const significantBits = (errors: readonly number[]): number =>
  Math.floor(-Math.log2(Math.max(UNIT, ...errors)));

/** Rounds all of `data` to so many significant bits, as a double splits (Veltkamp). */
export function roundTo(bits: number, data: Float64Array): void {
  const factor = 2 ** (53 - bits) + 1;
  for (let i = 0; i < data.length; i++) {
    const scaled = data[i] * factor;
    if (Number.isFinite(scaled)) data[i] = scaled - (scaled - data[i]);
  }
}

/** The same buffer after the run of the backend, of the oracle, and of the oracle with rounded numbers. */
export interface Runs {
  readonly actual: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  readonly rounded: ArrayLike<number>;
}

/** Both runs of the oracle have left the places of `runs` alone that hold NaN: nobody has stored there. */
export function storedPlaces({ actual, expected, rounded }: Runs): Runs {
  const places = Array.from(expected, (value, k) => (Number.isNaN(value) ? -1 : k)).filter((k) => k >= 0);
  const at = (data: ArrayLike<number>): readonly number[] => places.map((k) => data[k]);
  return { actual: at(actual), expected: at(expected), rounded: at(rounded) };
}

type Deviation = Pick<ValueDifference, "difference" | "allowed" | "elements" | "beyond">;

/** Compares the numbers that a kernel stores, whose own error is `rounding` of the largest. */
export function differenceOf(dtype: DType, runs: Runs, rounding: number): Deviation {
  return isFloat(dtype) ? ofNumbers(runs, rounding) : ofDecisions(runs);
}

function ofNumbers({ actual, expected, rounded }: Runs, rounding: number): Deviation {
  let [largest, difference, spread] = [0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]));
    difference = Math.max(difference, distance(actual[i], expected[i]));
    spread = Math.max(spread, distance(rounded[i], expected[i]));
  }
  const share = (part: number): number =>
    part === 0 ? 0 : Math.min(Number.MAX_VALUE, largest === 0 ? Number.MAX_VALUE : part / largest);
  const allowed = Math.min(Number.MAX_VALUE, MARGIN * Math.max(rounding, share(spread)));
  const isBeyond = (k: number): boolean => share(distance(actual[k], expected[k])) > allowed;
  const beyond = share(difference) > allowed ? countWhere(expected.length, isBeyond) : 0;
  return { difference: share(difference), allowed, elements: expected.length, beyond };
}

function ofDecisions({ actual, expected, rounded }: Runs): Deviation {
  const elements = expected.length;
  const differing = countWhere(elements, (k) => distance(actual[k], expected[k]) > 0);
  const undecided = countWhere(elements, (k) => distance(rounded[k], expected[k]) > 0);
  const most = Math.max(fewOf(elements), MARGIN * undecided);
  const all = Math.max(1, elements);
  const beyond = differing > most ? differing : 0;
  return { difference: differing / all, allowed: most / all, elements, beyond };
}

/** As many elements as may be decided otherwise where numbers are nearly equal: one, or one in a thousand. */
export const fewOf = (elements: number): number => Math.max(1, elements / DECISIONS);

function countWhere(length: number, holds: (k: number) => boolean): number {
  let count = 0;
  for (let k = 0; k < length; k++) if (holds(k)) count++;
  return count;
}

/** Equal numbers, infinities and NaNs have none; a number and a NaN are infinitely far apart. */
function distance(a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  const between = Math.abs(a - b);
  return Number.isNaN(between) ? Number.POSITIVE_INFINITY : between;
}
