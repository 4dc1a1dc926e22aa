/**
 * Winograd's minimal filtering for any number of outputs and taps, by the Cook–Toom construction (Lavin and Gray,
 * "Fast Algorithms for Convolutional Neural Networks", 2016): `y = Aᵀ·((G·g) ⊙ (Bᵀ·d))` is the correlation of
 * `m + r - 1` data with `r` taps at `m` places.
 */

export type Matrix = readonly (readonly number[])[];

/** One dimension of the form F(m, r), with `points = m + r - 1` products. */
export interface Transform {
  readonly outputs: number;
  readonly taps: number;
  readonly points: number;
  /** Aᵀ, outputs × points: products to outputs. */
  readonly inverse: Matrix;
  /** G, points × taps: taps to factors. */
  readonly filter: Matrix;
  /** Bᵀ, points × points: data to factors. */
  readonly data: Matrix;
  /** A and Gᵀ: what the gradient of the taps does with outputs and products. */
  readonly inverseT: Matrix;
  readonly filterT: Matrix;
}

/**
 * Where polynomials are evaluated, infinity last. Powers of two multiply without rounding, magnitudes near 1 keep
 * the powers in the matrices small, with which rounding errors grow, and opposite points share most of their
 * arithmetic. However, for two points after 1 and -1, 2 and -1/2 round three times less than 2 and -2.
 */
const POINTS = [0, 1, -1, 2, -1 / 2, 1 / 2, -2, 4, -1 / 4, 1 / 4, -4];

/** The most points that are available. */
export const MOST_POINTS = POINTS.length + 1;

/** The matrices of F(outputs, taps). Bᵀ and A hold sums of products of powers of two and are exact; G is rounded once. */
export function transformOf(outputs: number, taps: number): Transform {
  const points = outputs + taps - 1;
  const finite = POINTS.slice(0, points - 1);
  const othersThan = (point: number): number[] => finite.filter((other) => other !== point);
  const evaluated = (length: number): number[][] => [
    ...finite.map((point) => powers(point, length)),
    powers(0, length).reverse(),
  ];
  const norms = finite.map((point) => othersThan(point).reduce((n, other) => n * (point - other), 1));
  const inverse = transposed(evaluated(outputs));
  const filter = evaluated(taps).map((row, k) => row.map((value) => value / (norms[k] ?? 1)));
  const data = [...finite.map((point) => [...polynomial(othersThan(point)), 0]), polynomial(finite)];
  return {
    outputs,
    taps,
    points,
    inverse,
    filter,
    data,
    inverseT: transposed(inverse),
    filterT: transposed(filter),
  };
}

const transposed = (matrix: Matrix): number[][] => matrix[0].map((_, k) => matrix.map((row) => row[k]));

function powers(base: number, length: number): number[] {
  const row = [1];
  while (row.length < length) row.push(row[row.length - 1] * base);
  return row;
}

/** Coefficients, lowest first, of the monic polynomial with these roots. */
function polynomial(roots: readonly number[]): number[] {
  let coefficients = [1];
  for (const root of roots) {
    const factor = coefficients;
    coefficients = [0, ...factor].map((c, k) => c - root * (factor[k] ?? 0));
  }
  return coefficients;
}
