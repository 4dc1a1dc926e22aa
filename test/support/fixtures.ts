/**
 * PyTorch's results, as committed under test/fixtures, and the generator of the input numbers.
 *
 * The scripts next to the JSON files made them. No fixture stores weights or inputs: the scripts' generator
 * (test/fixtures/generator.py) and `generate` below make the same numbers, bit for bit.
 */

import { readFileSync } from "node:fs";

/** The 32-bit seed of a tensor, from its name, such as `lenet5/conv1.weight`: FNV-1a over ASCII. */
export function seedOf(name: string): number {
  let seed = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193);
  return seed >>> 0;
}

/** An integer below 2^24, from a seed and an index: MurmurHash3's 32-bit finalizer over a Weyl sequence. */
export function integerAt(seed: number, index: number): number {
  let x = (seed + Math.imul(index, 0x9e3779b9)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 8;
}

/** `count` float32 numbers, uniform in [-scale, scale), for a seed or for the name that `seedOf` turns into one. */
export function generate(seed: number | string, count: number, scale = 1): Float32Array {
  const start = typeof seed === "string" ? seedOf(seed) : seed;
  const factor = Math.fround(scale);
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = ((integerAt(start, i) - 2 ** 23) / 2 ** 23) * factor;
  return out;
}

/** `count` class indices for a seed or a name. */
export function labels(seed: number | string, count: number, classes = 10): Int32Array {
  const start = typeof seed === "string" ? seedOf(seed) : seed;
  return Int32Array.from({ length: count }, (_, i) => integerAt(start, i) % classes);
}

/** The bound of PyTorch's default initialisation of conv and linear layers. */
export function initScale(fanIn: number): number {
  return 1 / Math.sqrt(fanIn);
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Values of one tensor as PyTorch computed them in float32: all, or every `stride`-th. */
export interface SampledTensor {
  /** The state-dict key. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The largest absolute value of the whole tensor. */
  readonly maxAbs: number;
  /** The Euclidean norm of the whole tensor. */
  readonly norm: number;
  /** The largest difference to the same run in float64, over `maxAbs`: PyTorch's own rounding error. */
  readonly float64MaxDifference: number;
  /** `values[i]` is at the flat index `i * stride`; 1 if the tensor is stored whole. */
  readonly stride: number;
  readonly values: readonly number[];
}

/** Five SGD steps of one net with cross-entropy, a new batch for each step. */
export interface TrainingCase {
  /** Tensors are seeded by `prefix/key`, `prefix/input/STEP` and `prefix/labels/STEP`. */
  readonly prefix: string;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly optimizer: {
    readonly lr: number;
    readonly momentum: number;
    readonly dampening: number;
    readonly weightDecay: number;
    readonly nesterov: boolean;
  };
  /** The parameters in the order of the state dict; their scale is `initScale(fanIn)`. */
  readonly initial: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly fanIn: number;
  }[];
  /** The distance of the run from the kinks of ReLU and max-pool, over the largest value there. */
  readonly margin: number;
  /** The loss of each step, before its update. */
  readonly losses: readonly number[];
  /** The same, computed in float64. */
  readonly losses64: readonly number[];
  /** The output of the first step. */
  readonly logits: SampledTensor;
  /** The gradients of the first step. */
  readonly gradients: readonly SampledTensor[];
  /** The parameters after the last step. */
  readonly parameters: readonly SampledTensor[];
}

/** Numbers of the generator, as Python made them. */
export interface GeneratorCheck {
  readonly name: string;
  readonly seed: number;
  readonly count: number;
  readonly scale: number;
  readonly integers: readonly number[];
  readonly values: readonly number[];
  /** The value at index 99999. */
  readonly last: number;
  readonly labels: readonly number[];
}

/** test/fixtures/training_steps.json */
export interface TrainingSteps {
  readonly torch: string;
  readonly generator: readonly GeneratorCheck[];
  readonly nets: Readonly<Record<"lenet3" | "lenet5" | "cifar10", TrainingCase>>;
}

/** A tensor stored whole. */
export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

type Pair = readonly [number, number];

/** One conv2d, forward and backward, with all its numbers. */
export interface ConvCase {
  readonly name: string;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  readonly input: FixtureTensor;
  readonly weight: FixtureTensor;
  readonly bias: FixtureTensor | null;
  /** The gradient that arrives at the output. */
  readonly cotangent: FixtureTensor;
  readonly output: FixtureTensor;
  readonly inputGradient: FixtureTensor;
  readonly weightGradient: FixtureTensor;
  readonly biasGradient: FixtureTensor | null;
}

/** One max_pool2d, forward and backward. */
export interface PoolCase {
  readonly name: string;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly ceilMode: boolean;
  readonly input: FixtureTensor;
  readonly cotangent: FixtureTensor;
  readonly output: FixtureTensor;
  /** For each output, the winner's position in its plane: row * width + column. */
  readonly winners: FixtureTensor;
  readonly inputGradient: FixtureTensor;
}

/** One loss and its input's gradient. */
export interface LossCase {
  readonly name: string;
  readonly kind: "crossEntropy" | "mse" | "l1";
  readonly reduction: "mean" | "sum" | "none";
  /** Class weights, for cross-entropy. */
  readonly weight: readonly number[] | null;
  readonly ignoreIndex: number | null;
  readonly labelSmoothing: number;
  readonly input: FixtureTensor;
  /** Class indices for cross-entropy, else numbers like the input. */
  readonly target: FixtureTensor;
  /** 1 for a scalar loss. */
  readonly cotangent: FixtureTensor;
  readonly output: FixtureTensor;
  readonly inputGradient: FixtureTensor;
}

/** test/fixtures/conv_pool.json, its inputs filled in. */
export interface ConvPool {
  readonly torch: string;
  readonly conv2d: readonly ConvCase[];
  readonly maxPool2d: readonly PoolCase[];
  readonly losses: readonly LossCase[];
}

interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
}

interface StoredConv {
  readonly name: string;
  readonly inputShape: readonly number[];
  readonly weightShape: readonly number[];
  readonly bias: boolean;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  readonly output: StoredTensor;
  readonly inputGradient: StoredTensor;
  readonly weightGradient: StoredTensor;
  readonly biasGradient?: StoredTensor;
}

interface StoredPool {
  readonly name: string;
  readonly inputShape: readonly number[];
  readonly input?: StoredTensor;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly ceilMode: boolean;
  readonly output: StoredTensor;
  readonly winners: StoredTensor;
  readonly inputGradient: StoredTensor;
}

interface StoredLoss {
  readonly name: string;
  readonly kind: LossCase["kind"];
  readonly reduction: LossCase["reduction"];
  readonly inputShape: readonly number[];
  readonly inputScale: number;
  readonly weight?: readonly number[];
  readonly ignoreIndex?: number;
  readonly labelSmoothing?: number;
  readonly target: StoredTensor;
  readonly output: StoredTensor;
  readonly inputGradient: StoredTensor;
}

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8")) as T;
}

/** Reads the five-step training runs. */
export function trainingSteps(): TrainingSteps {
  return readFixture("training_steps.json");
}

/** A case's initial parameters, by state-dict key, in order. */
export function initialParameters(net: TrainingCase): Map<string, Float32Array> {
  return new Map(
    net.initial.map(({ name, shape, fanIn }) => [
      name,
      generate(`${net.prefix}/${name}`, sizeOf(shape), initScale(fanIn)),
    ]),
  );
}

/** A case's input and class indices for a step, counted from 0. */
export function trainingBatch(net: TrainingCase, step: number): { input: Float32Array; target: Int32Array } {
  return {
    input: generate(`${net.prefix}/input/${step}`, sizeOf(net.inputShape)),
    target: labels(`${net.prefix}/labels/${step}`, net.inputShape[0], net.classes),
  };
}

/**
 * The difference of a tensor from PyTorch's: the largest difference at the sampled positions, and the difference of the
 * norms, which covers all positions, both as fractions (of `maxAbs` and of the norm).
 */
export function differenceFrom(
  expected: SampledTensor,
  actual: ArrayLike<number>,
): { max: number; norm: number } {
  const size = sizeOf(expected.shape);
  if (actual.length !== size) {
    throw new Error(`${expected.name}: expected ${size} values [${expected.shape}] but got ${actual.length}`);
  }
  let largest = 0;
  for (let i = 0; i < expected.values.length; i++) {
    const difference = Math.abs(actual[i * expected.stride] - expected.values[i]);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(difference)) break;
  }
  let squares = 0;
  for (let i = 0; i < size; i++) squares += actual[i] * actual[i];
  return {
    max: largest / expected.maxAbs,
    norm: Math.abs(Math.sqrt(squares) - expected.norm) / expected.norm,
  };
}

function whole(tensor: StoredTensor): FixtureTensor {
  return { shape: tensor.shape, values: Float32Array.from(tensor.values, Number) };
}

function generated(name: string, shape: readonly number[], scale = 1): FixtureTensor {
  return { shape, values: generate(name, sizeOf(shape), scale) };
}

/** Reads the single-operation cases and fills in the inputs that the generator makes. */
export function convPool(): ConvPool {
  const stored = readFixture<{
    torch: string;
    conv2d: StoredConv[];
    maxPool2d: StoredPool[];
    losses: StoredLoss[];
  }>("conv_pool.json");
  return {
    torch: stored.torch,
    conv2d: stored.conv2d.map((c) => ({
      name: c.name,
      stride: c.stride,
      padding: c.padding,
      dilation: c.dilation,
      groups: c.groups,
      input: generated(`conv_pool/${c.name}/input`, c.inputShape),
      weight: generated(`conv_pool/${c.name}/weight`, c.weightShape),
      bias: c.bias ? generated(`conv_pool/${c.name}/bias`, [c.weightShape[0]]) : null,
      cotangent: generated(`conv_pool/${c.name}/cotangent`, c.output.shape),
      output: whole(c.output),
      inputGradient: whole(c.inputGradient),
      weightGradient: whole(c.weightGradient),
      biasGradient: c.biasGradient ? whole(c.biasGradient) : null,
    })),
    maxPool2d: stored.maxPool2d.map((c) => ({
      name: c.name,
      kernelSize: c.kernelSize,
      stride: c.stride,
      padding: c.padding,
      dilation: c.dilation,
      ceilMode: c.ceilMode,
      input: c.input ? whole(c.input) : generated(`conv_pool/${c.name}/input`, c.inputShape),
      cotangent: generated(`conv_pool/${c.name}/cotangent`, c.output.shape),
      output: whole(c.output),
      winners: whole(c.winners),
      inputGradient: whole(c.inputGradient),
    })),
    losses: stored.losses.map((c) => ({
      name: c.name,
      kind: c.kind,
      reduction: c.reduction,
      weight: c.weight ?? null,
      ignoreIndex: c.ignoreIndex ?? null,
      labelSmoothing: c.labelSmoothing ?? 0,
      input: generated(`conv_pool/${c.name}/input`, c.inputShape, c.inputScale),
      target: whole(c.target),
      cotangent:
        c.reduction === "none"
          ? generated(`conv_pool/${c.name}/cotangent`, c.output.shape)
          : { shape: [], values: Float32Array.of(1) },
      output: whole(c.output),
      inputGradient: whole(c.inputGradient),
    })),
  };
}
