/**
 * Sines, cosines, tangents and their inverses in double precision for float32 arguments of any size. Arguments are
 * reduced to the quarter turn around 0: by Cody and Waite's subtraction in two parts, and for large ones by the digits
 * of 2/π that matter (M. Payne and R. Hanek, "Radian reduction for trigonometric functions", 1983).
 */

import type { Instruction } from "../encode/instructions.ts";
import type { Doubles } from "./doubles.ts";

/** π/2 in two parts; the upper has so few bits that its product with an integer below 2²¹ is exact. */
const HALF_PI_HIGH = Math.fround(Math.PI / 2);
/** The part of π/2 that a double does not hold. */
const HALF_PI_REST = 6.123233995736766e-17;
const HALF_PI_LOW = Math.PI / 2 - HALF_PI_HIGH + HALF_PI_REST;

/** Beyond this more than 2²⁰ quarter turns are subtracted. */
const FAR = 2 ** 20;

/** The fractional digits of 2/π to base 2²⁴: as many as matter for the largest float32. */
const TWO_OVER_PI = [
  0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041, 0xfe5163,
].map((digit, k) => digit * 2 ** (-24 * (k + 1)));

/** Terms of the series of sine and cosine after which |r| <= π/4 leaves less than 2⁻⁴⁴. */
const TERMS = 8;
/** Terms of atan(s)/s in s² after which |s| <= tan(π/8) leaves less than 2⁻⁴⁵. */
const ATAN_TERMS = 17;

/** `Σ ±x^n/n!` over every other n from `first` on, as coefficients of powers of x². */
const alternating = (first: 0 | 1): readonly number[] => {
  const coefficients: number[] = [];
  let coefficient = 1;
  for (let n = first; coefficients.length < TERMS; n += 2) {
    coefficients.push(coefficient);
    coefficient /= -(n + 1) * (n + 2);
  }
  return coefficients;
};
const SINE = alternating(1);
const COSINE = alternating(0);
const ATAN = Array.from({ length: ATAN_TERMS }, (_, k) => (k % 2 === 0 ? 1 : -1) / (2 * k + 1));

/** An angle as quarter turns, modulo whole turns, and the rest, within ±π/4. */
interface Reduced {
  readonly quarters: Instruction;
  readonly rest: Instruction;
}

/**
 * `angle` of any size, not negative, by Payne and Hanek: products with digits are exact, and four quarters are a turn.
 */
function reduceFar(m: Doubles, angle: Instruction): Reduced {
  let high = m.constant(0);
  let low = m.constant(0);
  let quarters = m.constant(0);
  TWO_OVER_PI.forEach((digit, k) => {
    const product = m.name(`product${k}`, m.mul(angle, m.constant(digit)));
    const turns = m.do("floor", m.mul(product, m.constant(0.25)));
    const part = m.name(`part${k}`, m.sub(product, m.mul(turns, m.constant(4))));
    // The sum and its rounding error (Knuth).
    const sum = m.name(`sum${k}`, m.add(high, part));
    const other = m.name(`other${k}`, m.sub(sum, high));
    const lost = m.add(m.sub(high, m.sub(sum, other)), m.sub(part, other));
    low = m.name(`low${k}`, m.add(low, lost));
    const whole = m.name(`whole${k}`, m.do("nearest", sum));
    quarters = m.name(`quarters${k}`, m.add(quarters, whole));
    high = m.name(`high${k}`, m.sub(sum, whole));
  });
  return { quarters, rest: m.mul(m.add(high, low), m.constant(Math.PI / 2)) };
}

/** An angle that is not negative. */
function reduce(m: Doubles, angle: Instruction): Reduced {
  const near = m.name("near", m.do("nearest", m.mul(angle, m.constant(2 / Math.PI))));
  const upper = m.sub(angle, m.mul(near, m.constant(HALF_PI_HIGH)));
  const close = m.name("close", m.sub(upper, m.mul(near, m.constant(HALF_PI_LOW))));
  const isFar = m.name("is_far", m.is("gt", angle, m.constant(FAR)));
  let far: Reduced | undefined;
  const rest = m.unlessRare("rest", isFar, close, () => {
    const found = reduceFar(m, angle);
    far = { ...found, quarters: m.name("far_quarters", found.quarters) };
    return far.rest;
  });
  const quarters = m.name("quarters", m.select(isFar, far!.quarters, near));
  return { quarters, rest };
}

/** The sine of an angle and of `ahead` quarter turns more, without the first sign. */
function waves(m: Doubles, angle: Instruction) {
  const { quarters, rest } = reduce(m, angle);
  const square = m.name("square", m.mul(rest, rest));
  const sine = m.name("sine", m.mul(rest, m.polynomial(SINE, square)));
  const cosine = m.name("cosine", m.polynomial(COSINE, square));
  return { quarters, sine, cosine };
}

/** Whether an integer is odd. */
function isOdd(m: Doubles, whole: Instruction, name: string): Instruction {
  const half = m.name(name, m.mul(whole, m.constant(0.5)));
  return m.is("ne", m.do("floor", half), half);
}

/** The sine of an angle that is not negative, `ahead` quarter turns later. */
function wave(m: Doubles, angle: Instruction, ahead: 0 | 1): Instruction {
  const { quarters, sine, cosine } = waves(m, angle);
  const position = m.name("position", m.add(quarters, m.constant(ahead)));
  const value = m.name("wave", m.select(isOdd(m, position, "half"), cosine, sine));
  const pairs = m.name("pairs", m.do("floor", m.mul(position, m.constant(0.5))));
  return m.select(isOdd(m, pairs, "half_pairs"), m.sub(m.constant(0), value), value);
}

/** 1 with the sign of `x`. */
const signOf = (m: Doubles, x: Instruction): Instruction => m.withSign(m.constant(1), x);

export const sin = (m: Doubles, x: Instruction): Instruction =>
  m.mul(wave(m, m.name("angle", m.do("abs", x)), 0), signOf(m, x));

export const cos = (m: Doubles, x: Instruction): Instruction => wave(m, m.name("angle", m.do("abs", x)), 1);

export function tan(m: Doubles, x: Instruction): Instruction {
  const { quarters, sine, cosine } = waves(m, m.name("angle", m.do("abs", x)));
  const turned = m.div(m.sub(m.constant(0), cosine), sine);
  const tangent = m.select(isOdd(m, quarters, "half"), turned, m.div(sine, cosine));
  return m.mul(tangent, signOf(m, x));
}

/** The angle of the point (x, y): that of the smaller coordinate over the larger, then moved to its octant. */
export function atan2(m: Doubles, y: Instruction, x: Instruction): Instruction {
  const across = m.name("across", m.do("abs", x));
  const up = m.name("up", m.do("abs", y));
  const smaller = m.name("smaller", m.do("min", across, up));
  const larger = m.name("larger", m.do("max", across, up));
  // Two zeros, and two infinities, have no quotient.
  const isZero = m.is("eq", larger, m.constant(0));
  const isDiagonal = m.is("eq", smaller, m.constant(Number.POSITIVE_INFINITY));
  const quotient = m.select(
    isZero,
    m.constant(0),
    m.select(isDiagonal, m.constant(1), m.div(smaller, larger)),
  );
  const t = m.name("t", quotient);
  const isSteep = m.name("is_steep", m.is("gt", t, m.constant(Math.tan(Math.PI / 8))));
  // atan t = π/4 + atan((t - 1)/(t + 1)).
  const s = m.name("s", m.select(isSteep, m.div(m.sub(t, m.constant(1)), m.add(t, m.constant(1))), t));
  const series = m.mul(s, m.polynomial(ATAN, m.name("s_squared", m.mul(s, s))));
  const base = m.select(isSteep, m.constant(Math.PI / 4), m.constant(0));
  const flat = m.name("flat", m.add(series, base));
  const isUp = m.is("gt", up, across);
  const quarter = m.name("quarter", m.select(isUp, m.sub(m.constant(Math.PI / 2), flat), flat));
  const isBehind = m.is("lt", signOf(m, x), m.constant(0));
  return m.withSign(m.select(isBehind, m.sub(m.constant(Math.PI), quarter), quarter), y);
}

export const atan = (m: Doubles, x: Instruction): Instruction => atan2(m, x, m.constant(1));

/** The other leg of a right triangle with hypotenuse 1; NaN if `x` is longer. */
const otherLeg = (m: Doubles, x: Instruction): Instruction =>
  m.name("leg", m.do("sqrt", m.mul(m.sub(m.constant(1), x), m.add(m.constant(1), x))));

export const asin = (m: Doubles, x: Instruction): Instruction => atan2(m, x, otherLeg(m, x));

export const acos = (m: Doubles, x: Instruction): Instruction => atan2(m, otherLeg(m, x), x);
