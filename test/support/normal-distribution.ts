/** The error function, its inverse and the normal distribution in double precision, to measure random numbers by. */

/** 1 - erf(x) for x ≥ 0: the Maclaurin series of erf near 0, Laplace's continued fraction beyond. */
function upperErfc(x: number): number {
  if (x < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let n = 120; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (fraction * Math.sqrt(Math.PI));
}

export const erfc = (x: number): number => (x < 0 ? 2 - upperErfc(-x) : upperErfc(x));

/** The inverse of erf at `x`, -1 < x < 1, by Newton's method on erfc, which keeps its digits in the tail. */
export function exactErfinv(x: number): number {
  const target = 1 - Math.abs(x);
  let y = 0;
  for (let turn = 0; turn < 60; turn++) {
    const step = ((erfc(y) - target) * Math.sqrt(Math.PI) * Math.exp(y * y)) / 2;
    // From below the root Newton's steps on the convex erfc never pass it.
    y += step;
    if (Math.abs(step) <= 1e-15 * y) break;
  }
  return Math.sign(x) * y;
}

/** The share of normal numbers below `x`. */
export const normalShareBelow = (x: number): number => erfc(-x / Math.SQRT2) / 2;

/** The largest distance of the empirical distribution of `values` from `shareBelow` (Kolmogorov and Smirnov). */
export function kolmogorovSmirnov(values: ArrayLike<number>, shareBelow: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.reduce((largest, x, k) => {
    const share = shareBelow(x);
    return Math.max(largest, share - k / sorted.length, (k + 1) / sorted.length - share);
  }, 0);
}
