/**
 * `e^x` and the hyperbolic tangent in single precision, off by less than one unit in the last place of float32's nearest.
 * Polynomials are minimax ones (Remez), weighted for the smallest relative error of the result.
 */

import type { Instruction } from "../encode/instructions.ts";
import type { Floats } from "./floats.ts";

/** ln 2 in two parts; the upper has so few bits that its product with an exponent is exact. */
const LN2_HIGH = 355 / 512;
const LN2_LOW = Math.LN2 - LN2_HIGH;

/** Where e^x stops being a normal number: below, 0 is as good, and far quicker to compute with. */
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
/** From here on the tangent is 1 less a small part. */
const TANH_NEAR = 0.625;

export function exp(m: Floats, x: Instruction): Instruction {
  const { integer, power } = m.nearestPower("n", m.mul(x, m.constant(Math.LOG2E)), MOST_EXPONENT);
  const upper = m.sub(x, m.mul(integer, m.constant(LN2_HIGH)));
  const r = m.name("r", m.sub(upper, m.mul(integer, m.constant(LN2_LOW))));
  const square = m.name("r_squared", m.mul(r, r));
  const fourth = m.mul(square, square);
  const growth = m.add(r, m.mul(square, m.polynomial(EXP, [r, square, fourth])));
  const value = m.mul(m.add(growth, m.constant(1)), power);
  return m.unless(m.lt(x, m.constant(EXP_LEAST)), value);
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
