/** Initialisers: each fills an array for a shape and knows nothing of layers or tensors. */

import type { Shape } from "../../core/shape.ts";
import { normalInto, uniformInto } from "../../tensor/random.ts";
import { calculateGain, fanInAndFanOut } from "./fan.ts";

/** Fills `data`, the elements of a tensor of the given shape in row-major order. */
export type Initializer = (data: Float32Array, shape: Shape) => void;

/** One value everywhere. */
export const constant =
  (value: number): Initializer =>
  (data) => {
    data.fill(value);
  };

/** Numbers spread evenly from `low` to `high`. */
export const uniform =
  (low: number, high: number): Initializer =>
  (data) =>
    uniformInto(data, low, high);

/** Normally distributed numbers. */
export const normal =
  (mean: number, std: number): Initializer =>
  (data) => {
    normalInto(data);
    for (let i = 0; i < data.length; i++) data[i] = mean + std * data[i];
  };

/**
 * He's initialisation: numbers spread evenly within {@link kaimingUniformBound}. With `a` = √5, PyTorch's default
 * for linear and convolution layers, the bound is 1/√fanIn.
 */
export const kaimingUniform =
  (a = 0): Initializer =>
  (data, shape) => {
    const bound = kaimingUniformBound(shape, a);
    uniformInto(data, -bound, bound);
  };

/** `gain · √(3 / fanIn)`, for a weight before a leaky ReLU of negative slope `a` (torch.nn.init.kaiming_uniform_). */
export const kaimingUniformBound = (shape: Shape, a: number): number =>
  calculateGain("leaky_relu", a) * Math.sqrt(3 / fanInAndFanOut(shape).fanIn);

/** Two candidates are drawn at a time: a position, and what its density is compared with. */
const CANDIDATES = 512;
/** -2·ln 2⁻³²: the density beyond is less than a 2³²-th of its largest value. */
const NEGLIGIBLE = 44.4;

/**
 * Normally distributed numbers truncated to [low, high]. Candidates are distributed uniformly over the part of the
 * interval with non-negligible density, and accepted in proportion to the density (C. Robert, "Simulation of truncated
 * normal variables", 1995).
 */
export const truncatedNormal =
  (mean: number, std: number, low: number, high: number): Initializer =>
  (data) => {
    const [from, to] = [(low - mean) / std, (high - mean) / std];
    const peak = Math.min(Math.max(0, from), to);
    const reach = Math.sqrt(peak * peak + NEGLIGIBLE);
    const [start, end] = [Math.max(from, -reach), Math.min(to, reach)];
    const drawn = new Float32Array(CANDIDATES);
    for (let filled = 0; filled < data.length; ) {
      uniformInto(drawn, 0, 1);
      for (let k = 0; k < CANDIDATES && filled < data.length; k += 2) {
        const z = start + (end - start) * drawn[k];
        if (drawn[k + 1] < Math.exp((peak * peak - z * z) / 2))
          data[filled++] = Math.min(Math.max(mean + std * z, low), high);
      }
    }
  };

/** A matrix of normally distributed numbers with `zeros` zeros in each column, at random rows. */
export const sparseColumns =
  (zeros: number, std: number): Initializer =>
  (data, [rows, columns]) => {
    normal(0, std)(data, [rows, columns]);
    const drawn = new Float32Array(zeros);
    for (let column = 0; column < columns; column++) {
      const order = Array.from({ length: rows }, (_, row) => row);
      uniformInto(drawn, 0, 1);
      for (let k = 0; k < zeros; k++) {
        const other = k + Math.floor(drawn[k] * (rows - k));
        [order[k], order[other]] = [order[other], order[k]];
        data[order[k] * columns + column] = 0;
      }
    }
  };

/** How often a vector is made orthogonal to those before it: twice is enough (Kahan and Parlett). */
const ROUNDS = 2;

/**
 * A matrix [first extent, all others] whose rows, or columns if there are fewer, are orthogonal and of length `gain`:
 * random vectors, made orthogonal one after the other (Gram and Schmidt).
 */
export const orthogonal =
  (gain: number): Initializer =>
  (data, [rows]) => {
    const columns = data.length / rows;
    const count = Math.min(rows, columns);
    const length = Math.max(rows, columns);
    const random = new Float32Array(count * length);
    normalInto(random);
    const basis: Float64Array[] = [];
    for (let k = 0; k < count; k++)
      basis.push(unitVectorBeside(basis, Float64Array.from(random.subarray(k * length, (k + 1) * length))));
    for (let i = 0; i < data.length; i++) {
      const [row, column] = [Math.floor(i / columns), i % columns];
      data[i] = gain * (rows < columns ? basis[row][column] : basis[column][row]);
    }
  };

/** The part of `vector` that is orthogonal to `basis`, with length 1. */
function unitVectorBeside(basis: readonly Float64Array[], vector: Float64Array): Float64Array {
  for (let round = 0; round < ROUNDS; round++) {
    for (const other of basis) {
      const along = product(vector, other);
      for (let i = 0; i < vector.length; i++) vector[i] -= along * other[i];
    }
  }
  const length = Math.sqrt(product(vector, vector));
  return vector.map((v) => v / length);
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
