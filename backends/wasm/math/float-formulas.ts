/**
 * `e^x`, logarithms and the hyperbolic tangent in single precision: at most one unit in the last place from the nearest
 * float32. Polynomials are minimax ones (Remez's exchange on 800 Chebyshev points,
 * in 30 digits), weighted for the smallest relative error of the result.
 */

import type { Instruction } from "../encode/instructions.ts";
import type { Floats } from "./floats.ts";

/** ln 2 in two parts; the upper has so few bits that its product with an exponent is exact. */
const LN2_HIGH = 355 / 512;
const LN2_LOW = Math.LN2 - LN2_HIGH;

/** Where e^x stops being a normal number: below, 0 is as good, and far faster to compute with. */
const EXP_LEAST = -87.33654;
/** The largest power of two: above it the argument keeps more than half of ln 2. */
const MOST_EXPONENT = 127;

/** `(e^r - 1 - r)/r²` from -ln2/2 to ln2: e^r is off by 1.6e-9. */
const EXP = [
  0.4999999475724105, 0.16666700446736216, 0.04166812323100333, 0.008326702211152916, 0.0013836263858981604,
  0.0002328861542031549,
];
/** `(tanh(x)/x - 1)/x²` in x² up to 0.4: tanh is off by 4.7e-9. */
const TANH = [
  -0.33333278315534104, 0.1333132896381541, -0.05372923030126773, 0.020602008567751167, -0.00566078992438181,
];
/** From here on the tangent is 1 minus a small part. */
const TANH_NEAR = 0.625;

/** `(ln(1 + f) - f + f²/2)/f³` from √½ - 1 to √2 - 1: the logarithm is off by 5.8e-9. */
const LOG = [
  0.33333331704330876, -0.25000821034255966, 0.20001227059579718, -0.16623357514520348, 0.142017548424689,
  -0.13160177847981414, 0.12761594468659637, -0.07634528244383249,
];
const LEAST_NORMAL = 2 ** -126;
/** A power of two that makes every subnormal number normal. */
const LIFT = 23;
/** Below this e^x is negligible compared with 1. */
const EXP_NOTHING = -40;

/** `e^x = (1 + growth)·power`, `growth` exact near 0. */
function exponential(m: Floats, x: Instruction) {
  const { integer, power } = m.nearestPower("n", m.mul(x, m.constant(Math.LOG2E)), MOST_EXPONENT);
  const upper = m.sub(x, m.mul(integer, m.constant(LN2_HIGH)));
  const r = m.name("r", m.sub(upper, m.mul(integer, m.constant(LN2_LOW))));
  const square = m.name("r_squared", m.mul(r, r));
  const fourth = m.mul(square, square);
  return { growth: m.add(r, m.mul(square, m.polynomial(EXP, [r, square, fourth]))), power };
}

export function exp(m: Floats, x: Instruction): Instruction {
  const { growth, power } = exponential(m, x);
  return m.unless(m.lt(x, m.constant(EXP_LEAST)), m.mul(m.add(growth, m.constant(1)), power));
}

export function expm1(m: Floats, x: Instruction): Instruction {
  const { growth, power } = exponential(m, m.name("limited", m.atLeast(x, EXP_NOTHING)));
  const scale = m.name("scale", power);
  return m.withSign(m.add(m.sub(scale, m.constant(1)), m.mul(growth, scale)), x);
}

/** `exponent·ln 2 + ln(1 + f)`, small parts first. */
function logarithm(m: Floats, exponent: Instruction, f: Instruction): Instruction {
  const square = m.name("f_squared", m.mul(f, f));
  const fourth = m.mul(square, square);
  const bend = m.add(m.constant(-0.5), m.mul(f, m.polynomial(LOG, [f, square, fourth])));
  const small = m.add(m.mul(exponent, m.constant(LN2_LOW)), m.mul(square, bend));
  return m.add(m.add(f, small), m.mul(exponent, m.constant(LN2_HIGH)));
}

/** -∞ for 0, NaN for negative numbers and NaN, ∞ for itself, `value` for all others. */
function logarithmOrLimit(m: Floats, x: Instruction, value: Instruction): Instruction {
  const finite = m.select(m.lt(x, m.constant(Number.POSITIVE_INFINITY)), value, x);
  const below = m.select(
    m.eq(x, m.constant(0)),
    m.constant(Number.NEGATIVE_INFINITY),
    m.constant(Number.NaN),
  );
  return m.select(m.gt(x, m.constant(0)), finite, below);
}

export function log(m: Floats, x: Instruction): Instruction {
  const isTiny = m.name("is_tiny", m.lt(x, m.constant(LEAST_NORMAL)));
  const normal = m.name("normal", m.select(isTiny, m.mul(x, m.constant(2 ** LIFT)), x));
  const { exponent, place } = m.exponentOf("k", normal);
  const k = m.name("exponent", m.sub(exponent, m.when(isTiny, m.constant(LIFT))));
  const f = m.name("f", m.sub(m.over(normal, place), m.constant(1)));
  return logarithmOrLimit(m, x, logarithm(m, k, f));
}

/** `1 + x = 2^k·(1 + f)`, where `f = x/2^k + (2^-k - 1)` is exact: near 0 it is x itself. */
export function log1p(m: Floats, x: Instruction): Instruction {
  const sum = m.name("sum", m.add(x, m.constant(1)));
  const { exponent, place } = m.exponentOf("k", sum);
  const k = m.name("exponent", exponent);
  const f = m.name("f", m.add(m.over(x, place), m.sub(m.inverse(place), m.constant(1))));
  return m.withSign(logarithmOrLimit(m, sum, logarithm(m, k, f)), x);
}

/** Odd near 0, so that small numbers keep their digits; beyond, `1 - 2/(e^2|x| + 1)`. */
export function tanh(m: Floats, x: Instruction): Instruction {
  const size = m.name("size", m.abs(x));
  const square = m.name("square", m.mul(size, size));
  const fourth = m.name("fourth", m.mul(square, square));
  const series = m.polynomial(TANH, [square, fourth, m.mul(fourth, fourth)]);
  const near = m.add(size, m.mul(m.mul(size, square), series));
  const power = m.name("power", exp(m, m.name("twice", m.add(size, size))));
  const far = m.sub(m.constant(1), m.div(m.constant(2), m.add(power, m.constant(1))));
  return m.withSign(m.select(m.lt(size, m.constant(TANH_NEAR)), near, far), x);
}
