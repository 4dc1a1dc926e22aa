/**
 * The normal distribution and the error function as expressions of plain arithmetic and `exp`: they all use one minimax
 * approximation of a tail divided by its exponential, accurate enough for
 * interpreters in double precision, with an error that does not matter in float32.
 */

import { add, binary, compare, div, float, mul, select, sub, unary } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";

/**
 * `(t + 4)·e^(t²/2)·Φ(-t)` with the normal distribution Φ, in `v = (t - 4)/(t + 4)`, for t from 0 to 15, beyond which
 * it vanishes in float32: error 2.3e-13. The variable is that of M. Shepherd and J. Laframboise, "Chebyshev
 * approximation of (1 + 2x)·exp(x²)·erfc(x) in 0 <= x < ∞", Mathematics of Computation 36 (1981); the coefficients are
 * of a Remez exchange on 400 Chebyshev points in 40 digits.
 */
const TAIL = [
  0.7552851304158835, -0.6078966419743453, 0.3871374007140627, -0.18652185777500505, 0.060396575943602426,
  -0.007540192627395465, -0.0034797083226383706, 0.001630846303673932, 0.0001334666194097322,
  -0.00023116952428260494, -2.4052070734598512e-6, 3.506422297620685e-5, 1.7114022305072422e-6,
  -5.1821340059016195e-6, -1.3050734050185765e-6,
];
const MIDDLE = 4;

/** `erf(x)/x` in x² up to 1/4, error 1.9e-15; likewise by a Remez exchange, on 300 points. */
const ERF = [
  1.1283791670955106, -0.37612638903116286, 0.11283791667386002, -0.026866169915941287, 0.005223970139936356,
  -0.0008547893842825537, 0.0001204053359094019, -1.4628341822205752e-5, 1.3173830210243776e-6,
];

/** By Estrin's scheme, whose steps do not wait for each other. */
function polynomial(coefficients: readonly number[], x: Expr): Expr {
  let terms: readonly Expr[] = coefficients.map(float);
  for (let power = x; terms.length > 1; power = mul(power, power)) {
    const odd = terms.filter((_, k) => k % 2 === 1);
    terms = terms
      .filter((_, k) => k % 2 === 0)
      .map((even, k) => (odd[k] === undefined ? even : add(even, mul(odd[k], power))));
  }
  return terms[0];
}

/** `e^(-t²/2)`, and the share of the normal distribution beyond `t = |x|`. */
export interface Tail {
  readonly bell: Expr;
  readonly area: Expr;
}

/** The polynomial `TAIL` at `size` standard deviations, times `bell`. */
function areaBeyond(size: Expr, bell: Expr): Expr {
  const inverse = div(float(1), add(size, float(MIDDLE)));
  const variable = sub(float(1), mul(inverse, float(2 * MIDDLE)));
  return mul(mul(bell, inverse), polynomial(TAIL, variable));
}

/**
 * In float32 the error of a tail is its exponent's rounding:
 * x²/4 units in the last place, in addition to the usual few.
 */
export function tailOf(x: Expr): Tail {
  const bell = unary("exp", mul(mul(x, x), float(-0.5)));
  return { bell, area: areaBeyond(unary("abs", x), bell) };
}

/** Φ: a tail below 0, and 1 minus a tail above. */
export const normalShare = (x: Expr, { area }: Tail): Expr =>
  select(compare("lt", x, float(0)), area, sub(float(1), area));

const root2 = (x: Expr): Expr => mul(x, float(Math.SQRT2));

/** An odd series near 0, otherwise 1 minus two tails. */
export function erfExpression(x: Expr): Expr {
  const size = unary("abs", x);
  const tails = mul(areaBeyond(root2(size), unary("exp", unary("neg", mul(x, x)))), float(2));
  return select(
    compare("lt", size, float(0.5)),
    mul(x, polynomial(ERF, mul(x, x))),
    mul(unary("sign", x), sub(float(1), tails)),
  );
}

/** Beyond this the complement of the error function is 0, in double precision too. */
const VANISHED = 30;

/** Two tails with all their digits: what the square's rounding has lost counts, and half the digits have a square without. */
export function erfcExpression(x: Expr): Expr {
  const size = binary("min", unary("abs", x), float(VANISHED));
  const square = mul(size, size);
  const upper = mul(unary("trunc", mul(size, float(256))), float(1 / 256));
  const lost = add(sub(mul(upper, upper), square), mul(sub(size, upper), add(size, upper)));
  const power = unary("exp", unary("neg", square));
  const tails = mul(areaBeyond(root2(size), sub(power, mul(power, lost))), float(2));
  return select(compare("lt", x, float(0)), sub(float(2), tails), tails);
}
