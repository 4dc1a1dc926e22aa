/**
 * PyTorch's samplers. Each gives the indices of an epoch as a function of its seed and the epoch that a loader sets, so
 * that a resumed training sees the same samples.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { checkFlag, isNumbers } from "./arguments.ts";
import { checkSeed, Random } from "./random.ts";
import { checkSampler, type Sampler } from "./sampler.ts";
import { WeightTree } from "./weight-tree.ts";

/** Options of the samplers that draw. */
export interface RandomSamplerOptions {
  /** Default: 0. */
  readonly seed?: number;
}

/** Whatever has a length. */
interface Sized {
  readonly length: number;
}

const SEED = { seed: true } satisfies OptionNames<RandomSamplerOptions>;

/** The indices of a dataset, in order. */
export class SequentialSampler implements Sampler {
  readonly length: number;

  constructor(dataset: Sized) {
    this.length = lengthOf("SequentialSampler", dataset);
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let index = 0; index < this.length; index++) yield index;
  }
}

/** What samplers that draw have in common: what they draw from, for each epoch anew. */
abstract class DrawingSampler implements Sampler {
  abstract readonly length: number;
  /** The seed of the order. */
  readonly seed: number;
  #epoch = 0;

  constructor({ seed = 0 }: RandomSamplerOptions) {
    checkSeed(seed);
    this.seed = seed;
  }

  /** Sets the epoch, counted from 0, which the order depends on; a loader does so before each epoch. */
  setEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.draw(new Random(this.seed, "sampler", this.#epoch));
  }

  protected abstract draw(random: Random): Iterator<number>;
}

/** Options of {@link RandomSampler}, as in PyTorch. */
export interface RandomSamplerSettings extends RandomSamplerOptions {
  /** Whether an index may be drawn several times (default: false). */
  readonly replacement?: boolean;
  /** The number of indices in an epoch (default: the number of samples in the dataset). */
  readonly numSamples?: number;
}

/** The indices of a dataset in random order; beyond its length, without replacement, in another random order. */
export class RandomSampler extends DrawingSampler {
  readonly length: number;
  /** Whether a sample may be drawn twice. */
  readonly replacement: boolean;
  readonly #size: number;

  constructor(dataset: Sized, options: RandomSamplerSettings = {}) {
    checkOptionNames("RandomSampler", options, { ...SEED, replacement: true, numSamples: true });
    super(options);
    const { replacement = false, numSamples } = options;
    checkFlag("RandomSampler", "replacement", replacement);
    this.#size = lengthOf("RandomSampler", dataset);
    this.replacement = replacement;
    this.length = numSamples === undefined ? this.#size : checkedCount("RandomSampler", numSamples);
    if (this.#size === 0 && this.length > 0) {
      throw new KilnError(
        `RandomSampler cannot draw ${this.length} samples of a dataset that has no samples at all`,
      );
    }
  }

  protected *draw(random: Random): Generator<number, void, undefined> {
    if (this.replacement) {
      for (let k = 0; k < this.length; k++) yield random.integer(this.#size);
      return;
    }
    for (let done = 0; done < this.length; done += this.#size) {
      yield* random.permutation(this.#size).subarray(0, this.length - done);
    }
  }
}

/** The given indices in random order, each once. */
export class SubsetRandomSampler extends DrawingSampler {
  readonly length: number;
  /** The positions that are drawn from. */
  readonly indices: readonly number[];

  constructor(indices: ArrayLike<number>, options: RandomSamplerOptions = {}) {
    checkOptionNames("SubsetRandomSampler", options, SEED);
    super(options);
    if (!isNumbers(indices)) {
      throw new KilnError(`SubsetRandomSampler takes a list of indices, not ${describeValue(indices)}`);
    }
    this.indices = Array.from(indices);
    this.length = this.indices.length;
  }

  protected *draw(random: Random): Generator<number, void, undefined> {
    yield* random.shuffle([...this.indices]);
  }
}

/** Options of {@link WeightedRandomSampler}. */
export interface WeightedRandomSamplerOptions extends RandomSamplerOptions {
  /** Whether an index may be drawn several times (default: true, as in PyTorch). */
  readonly replacement?: boolean;
}

/**
 * `new data.WeightedRandomSampler(weights, numSamples)`: index `i` is drawn with a probability proportional to
 * `weights[i]`; weights need not sum to one. Without replacement each draw excludes the earlier ones.
 */
export class WeightedRandomSampler extends DrawingSampler {
  readonly length: number;
  /** How often each sample is drawn, in relation to the others. */
  readonly weights: readonly number[];
  /** Whether a sample may be drawn twice. */
  readonly replacement: boolean;

  constructor(
    weights: ArrayLike<number>,
    numSamples: number,
    options: WeightedRandomSamplerOptions | boolean = {},
  ) {
    const named = typeof options === "boolean" ? { replacement: options } : options;
    checkOptionNames("WeightedRandomSampler", named, { ...SEED, replacement: true });
    super(named);
    const { replacement = true } = named;
    checkFlag("WeightedRandomSampler", "replacement", replacement);
    const all = isNumbers(weights) ? Array.from(weights) : [];
    const bad = all.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
    if (all.length === 0 || bad >= 0) {
      const found = all.length === 0 ? describeValue(weights) : `${all[bad]} at index ${bad}`;
      throw new KilnError(
        `WeightedRandomSampler takes a weight for each sample, a number of at least 0, not ${found}`,
      );
    }
    this.length = checkedCount("WeightedRandomSampler", numSamples);
    const possible = all.filter((weight) => weight > 0).length;
    if (possible === 0 || (!replacement && possible < numSamples)) {
      throw new KilnError(
        `WeightedRandomSampler cannot draw ${numSamples} samples${replacement ? "" : " without replacement"}: ` +
          `${possible} of its weights are above 0`,
      );
    }
    this.weights = all;
    this.replacement = replacement;
  }

  protected *draw(random: Random): Generator<number, void, undefined> {
    const tree = new WeightTree(this.weights);
    for (let k = 0; k < this.length; k++) {
      const index = tree.find(random.fine());
      if (!this.replacement) tree.set(index, 0);
      yield index;
    }
  }
}

/**
 * What `sampler` gives in lists of `batchSize`, for a loader's `batchSampler`; with `dropLast` no shorter one at the
 * end.
 */
export class BatchSampler implements Sampler<readonly number[]> {
  /** What gives the single indices. */
  readonly sampler: Sampler;
  /** The number of samples in a batch. */
  readonly batchSize: number;
  /** Whether an incomplete last batch is left out. */
  readonly dropLast: boolean;

  constructor(sampler: Sampler, batchSize: number, dropLast = false) {
    checkSampler("sampler", sampler, "BatchSampler");
    if (checkedCount("BatchSampler", batchSize, "batchSize") < 1) {
      throw new KilnError("BatchSampler needs a batchSize of at least 1, not 0");
    }
    checkFlag("BatchSampler", "dropLast", dropLast);
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
  }

  get length(): number {
    return (this.dropLast ? Math.floor : Math.ceil)(this.sampler.length / this.batchSize);
  }

  /** Sets the epoch, on which the order depends. */
  setEpoch(epoch: number): void {
    this.sampler.setEpoch?.(epoch);
  }

  *[Symbol.iterator](): Generator<readonly number[], void, undefined> {
    let batch: number[] = [];
    for (const index of this.sampler) {
      batch.push(index);
      if (batch.length < this.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }
}

function lengthOf(callee: string, dataset: Sized): number {
  const length: unknown = Object(dataset).length;
  if (typeof length === "number" && Number.isSafeInteger(length) && length >= 0) return length;
  throw new KilnError(`${callee} takes a dataset or anything with a length, not ${describeValue(dataset)}`);
}

function checkedCount(callee: string, count: number, name = "numSamples"): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new KilnError(
    `${callee} needs ${name}, a whole number, not ${typeof count === "number" ? count : describeValue(count)}`,
  );
}
