/** Cuts a dataset into parts at random, such as one for training and one for testing. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { checkDataset, isNumbers } from "./arguments.ts";
import { checkSeed, Random } from "./random.ts";
import { type AnyDataset, Subset } from "./subset.ts";

/** Options of {@link randomSplit}. */
export interface RandomSplitOptions {
  /** The seed, which decides which sample goes into which part (default: 0). */
  readonly seed?: number;
}

const OPTION_NAMES = { seed: true } satisfies OptionNames<RandomSplitOptions>;

/** How far fractions may be from making one, as Python's math.isclose has it. */
const RELATIVE_TOLERANCE = 1e-9;

/**
 * Splits `dataset` into disjoint parts, as in PyTorch: with these numbers of samples, or these fractions, which sum to
 * 1; samples that are left over by rounding down go to the first parts, one to each. A seed always gives the same
 * parts, but not those that PyTorch draws.
 */
export function randomSplit<Whole extends AnyDataset>(
  dataset: Whole,
  lengths: readonly number[],
  options: RandomSplitOptions = {},
): Subset<Whole>[] {
  checkDataset("randomSplit", dataset, "sample", "batch", "getItem");
  checkOptionNames("randomSplit", options, OPTION_NAMES);
  const { seed = 0 } = options;
  checkSeed(seed);
  const counts = countsOf(dataset.length, lengths);
  const order = new Random(seed, "split").permutation(dataset.length);
  let begin = 0;
  return counts.map((count) => {
    begin += count;
    return new Subset(dataset, order.slice(begin - count, begin));
  });
}

/** The number of samples in each part. */
function countsOf(total: number, lengths: readonly number[]): readonly number[] {
  const isList = isNumbers(lengths) && lengths.length > 0;
  if (!isList || Array.from(lengths).some((length) => !(length >= 0))) {
    throw new KilnError(
      `randomSplit takes the lengths of the parts, or fractions such as [0.8, 0.2], not ${
        isList ? `[${Array.from(lengths).join(", ")}]` : describeValue(lengths)
      }`,
    );
  }
  const given = Array.from(lengths);
  const sum = given.reduce((all, length) => all + length, 0);
  const areFractions = Math.abs(sum - 1) <= RELATIVE_TOLERANCE;
  if (areFractions) {
    const counts = given.map((fraction) => Math.floor(total * fraction));
    const rest = total - counts.reduce((all, count) => all + count, 0);
    for (let k = 0; k < rest; k++) counts[k % counts.length]++;
    return counts;
  }
  if (given.every(Number.isInteger) && sum === total) return given;
  throw new KilnError(
    `the parts of randomSplit, [${given.join(", ")}], are neither fractions that sum to 1 nor lengths that sum to the ` +
      `dataset's ${total} samples`,
  );
}
