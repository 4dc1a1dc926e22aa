/**
 * Random tensors. The numbers come from Philox, whose integer arithmetic gives the same bits everywhere. The seed is 0
 * until `manualSeed` is called: a program that never calls it draws the same numbers each time it runs. In a trace they
 * become operations, which draw from the seed and the step of each run.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { philox } from "../core/philox.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Attrs } from "../ir/types.ts";
import { BLOCK, MOST_INTEGERS } from "../ops/random.ts";
import { asOperand, refuse, requireFloats } from "./arguments.ts";
import { currentRecorder, type RandomSource } from "./context.ts";
import { readShape, type ShapeArguments } from "./creation.ts";
import { constant } from "./operation.ts";
import { scalarLike } from "./promotion.ts";
import { broadcastShapes, where } from "./rearrange.ts";
import { injectUniform } from "./sampling.ts";
import { apply, Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

const WORD = 0x1_0000_0000;
/** The state of all random functions. */
export interface GeneratorState {
  /** The seed that `manualSeed` was given. */
  readonly seed: number;
  /** The number of blocks of four words drawn since then. */
  readonly blocksDrawn: number;
}

const key = new Uint32Array(2);
let seedGiven = 0;
let blocksDrawn = 0;

/** Starts the sequence of random numbers that belongs to `seed`, a whole number. */
export function manualSeed(seed: number): void {
  setGeneratorState({ seed, blocksDrawn: 0 });
}

/** The state of the random functions, for a checkpoint. */
export const generatorState = (): GeneratorState => ({ seed: seedGiven, blocksDrawn });

/** Restores the state of the random functions. */
export function setGeneratorState(state: GeneratorState): void {
  const { seed, blocksDrawn: drawn } = Object(state) as GeneratorState;
  const shown = (value: unknown): string => (typeof value === "number" ? `${value}` : describeValue(value));
  if (!Number.isSafeInteger(seed)) throw new KilnError(`a seed is a whole number, not ${shown(seed)}`);
  if (!Number.isSafeInteger(drawn) || drawn < 0)
    throw new KilnError(`the number of blocks drawn is a whole number from 0 on, not ${shown(drawn)}`);
  key[0] = seed;
  key[1] = Math.floor(seed / WORD);
  seedGiven = seed;
  blocksDrawn = drawn;
}

/** The current seed as the int32 that programs take; whole numbers below 2³² stay apart. */
export const programSeed = (): number => (key[0] + Math.imul(key[1], 0x9e3779b9)) | 0;

/** What a random operation draws from: the program's numbers while a model is traced, else the sequence of the seed. */
export function randomSource(): RandomSource {
  const recorder = currentRecorder();
  if (recorder !== undefined) return recorder.randomSource();
  const scalar = (value: number): Tensor => Tensor.fromData(Int32Array.of(value), [], "int32");
  return { seed: scalar(programSeed()), step: scalar(blocksDrawn++), stream: "" };
}

/** Whether a model is traced, so that its program draws the numbers, if there are any, in each run. */
const isDrawnByProgram = (shape: Shape): boolean => currentRecorder() !== undefined && sizeOf(shape) > 0;

/** What the generator `op` draws from a stream of its own, in a shape. */
function generated(op: string, shape: Shape, attrs: Attrs): Tensor {
  const { seed, step, stream, iteration } = randomSource();
  const size = sizeOf(shape);
  const blocks = Math.max(1, Math.ceil(size / BLOCK));
  const drawn = apply(op, iteration === undefined ? [seed, step] : [seed, step, iteration], {
    blocks,
    ...attrs,
    stream,
  }).reshape(blocks * BLOCK);
  return (size === blocks * BLOCK ? drawn : drawn.narrow(0, 0, size)).reshape(shape);
}

/** Truth values (bool) that hold with `probability`, each independent of the others. */
export const randomTruths = (shape: Shape, probability: number): Tensor =>
  generated("bernoulli", shape, { probability });

/** 24 random bits for each element, as whole numbers in float32, of a model that is traced. */
const tracedBits = (shape: Shape): Tensor => generated("randint", shape, { below: 2 ** 24 }).float();

const tracedUniform = (shape: Shape): Tensor => tracedBits(shape).mul(2 ** -24);

/**
 * Normal numbers by the inverse of their distribution, √2·erfinv(x). The x are the midpoints of 2²⁴ equal parts of
 * (-1, 1), each exact in float32: symmetric, never ±1, so that all numbers are finite, and at most 5.42 in magnitude.
 */
const tracedNormal = (shape: Shape): Tensor =>
  tracedBits(shape)
    .sub(2 ** 23)
    .add(0.5)
    .mul(2 ** -23)
    .erfinv()
    .mul(Math.SQRT2);

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
export function normalInto(data: Float32Array): void {
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

/** Numbers spread evenly over [0, 1). In the `forward` of a compiled model each run draws anew. */
export const rand = (...shape: ShapeArguments): Tensor =>
  floats("rand", shape, tracedUniform, (data) => uniformInto(data, 0, 1));

injectUniform((shape) => rand(shape));

/**
 * Normally distributed numbers of mean 0 and standard deviation 1. In the `forward` of a compiled model each run draws
 * anew.
 *
 * ```ts
 * randn(2, 3); // float32[2,3]
 * randn([64, 100], { requiresGrad: true });
 * ```
 */
export const randn = (...shape: ShapeArguments): Tensor => floats("randn", shape, tracedNormal, normalInto);

function floats(
  name: string,
  given: ShapeArguments,
  traced: (shape: Shape) => Tensor,
  fill: (data: Float32Array) => void,
): Tensor {
  const { shape, options } = readShape(name, given);
  const { dtype = "float32" } = options;
  if (dtype !== "float32")
    throw new KilnError(`${name} draws float32 numbers, not ${String(dtype)}; randint draws whole ones`);
  if (isDrawnByProgram(shape)) return traced(shape);
  const data = new Float32Array(sizeOf(shape));
  fill(data);
  return Tensor.fromData(data, shape, "float32").requiresGrad_(options.requiresGrad ?? false);
}

/**
 * Whole numbers (int32) from `low` (default: 0), up to but not including `high`. In the `forward` of a compiled model
 * each run draws anew.
 */
export function randint(high: number, shape: Shape): Tensor;
export function randint(low: number, high: number, shape: Shape): Tensor;
export function randint(...given: [number, Shape] | [number, number, Shape]): Tensor {
  const [low, high, shape] = given.length === 2 ? [0, ...given] : given;
  if (given.length < 2 || given.length > 3 || !Array.isArray(shape))
    throw new KilnError(
      "randint takes randint(high, shape) or randint(low, high, shape) with the shape as a list, as in randint(10, [3])",
    );
  const isInt32 = (value: number): boolean => (value | 0) === value;
  if (!isInt32(low) || !isInt32(high - 1) || high <= low) {
    throw new KilnError(
      `randint draws int32 numbers from low to below high, but low is ${low} and high is ${high}`,
    );
  }
  const { shape: extents } = readShape("randint", [shape]);
  if (isDrawnByProgram(extents)) return tracedIntegers(low, high, extents);
  const data = new Int32Array(sizeOf(extents));
  draw(data.length, (words, position) => {
    const end = Math.min(position + 4, data.length);
    for (let i = position; i < end; i++) {
      data[i] = low + Math.floor((words[i - position] / WORD) * (high - low));
    }
  });
  return Tensor.fromData(data, extents, "int32");
}

/** The whole numbers from `low` to below `high` of a model that is traced. */
function tracedIntegers(low: number, high: number, shape: Shape): Tensor {
  if (Math.max(-low, high, high - low) > MOST_INTEGERS) {
    return withOrigin(() => {
      throw new KilnError(
        `inside forward randint draws at most 2^24 different numbers from -2^24 to 2^24, which every backend holds exactly, but low is ${low} and high is ${high}`,
      );
    });
  }
  const drawn = generated("randint", shape, { below: high - low });
  return low === 0 ? drawn : drawn.add(scalarLike("randint", low, drawn));
}

/**
 * Normally distributed numbers with the mean `mean` and the standard deviation `std`: tensors that are broadcast
 * together, or numbers, which need a `size`. Without a gradient; NaN where a deviation in a tensor is negative
 * (torch.normal).
 */
export function normal(mean: Tensor, std?: Tensor | number): Tensor;
export function normal(mean: number, std: Tensor): Tensor;
export function normal(mean: number, std: number, size: Shape): Tensor;
export function normal(mean: Tensor | number, std: Tensor | number = 1, size?: Shape): Tensor {
  const isNumber = typeof mean === "number" && typeof std === "number";
  if (isNumber !== (size !== undefined))
    return refuse("normal takes a mean and a std, one of them a tensor, or two numbers and a size");
  if (typeof std === "number" && !(std >= 0))
    return refuse(`normal's standard deviation must not be negative, and it is ${std}`);
  const [centre, spread] = [mean, std].map((value) => asOperand("normal", value, constant).detach());
  for (const x of [centre, spread]) requireFloats("normal", x);
  const shape = isNumber
    ? readShape("normal", [size ?? []]).shape
    : broadcastShapes(centre.shape, spread.shape);
  const numbers = randn(shape).mul(spread).add(centre);
  return typeof std === "number" ? numbers : where(spread.ge(0), numbers, Number.NaN);
}

/**
 * The whole numbers below `n` in a random order, int32. In the `forward` of a compiled model each run draws anew; there
 * numbers of 24 bits are drawn and ranked, equal ones in their order.
 */
export function randperm(n: number): Tensor {
  if (!Number.isSafeInteger(n) || n < 0)
    return refuse(`randperm needs a whole number from 0 on, not ${describeValue(n)}`);
  if (isDrawnByProgram([n])) {
    const drawn = generated("randint", [n], { below: 2 ** 24 });
    return apply("sort_rank", [drawn], { axis: 0, descending: false });
  }
  const order = Int32Array.from({ length: n }, (_, k) => k);
  draw(n, (words, position) => {
    for (let i = position; i < Math.min(position + 4, n); i++) {
      const other = i + Math.floor((words[i - position] / WORD) * (n - i));
      [order[i], order[other]] = [order[other], order[i]];
    }
  });
  return Tensor.fromData(order, [n], "int32");
}
