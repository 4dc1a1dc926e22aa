/**
 * The elementary functions that WebAssembly has no instruction for, in double precision for float32 arguments: reduced
 * to a small interval, with a series there long enough for about 40 bits, so that
 * results are the nearest float32 except for the rarest ties. Argument reduction
 * after Cody and Waite, "Software Manual for the Elementary Functions" (1980).
 */

import type { Instruction } from "../encode/instructions.ts";
import type { Doubles } from "./doubles.ts";

/** ln 2 in two parts; the upper has so few bits that its product with an exponent is exact. */
const LN2_HIGH = Math.fround(Math.LN2);
const LN2_LOW = Math.LN2 - LN2_HIGH;

/** Beyond ±this, e^x is infinite or 0 in float32, and still a normal double. */
const EXP_LIMIT = 200;

/** Terms of (e^r - 1)/r after which |r| <= ln2/2 leaves less than 2^-41 of the value. */
const EXP_TERMS = 11;
/** Terms of atanh(s)/s in s² after which |s| <= 0.172 leaves less than 2^-44. */
const LOG_TERMS = 8;

const inverseFactorials = Array.from({ length: EXP_TERMS }, (_, k) => {
  let product = 1;
  for (let i = 2; i <= k + 1; i++) product *= i;
  return 1 / product;
});

const inverseOdds = Array.from({ length: LOG_TERMS }, (_, k) => 1 / (2 * k + 1));

/** `e^x = (1 + growth)·power`, `growth` exact near 0. */
function exponential(m: Doubles, argument: Instruction) {
  const limited = m.do("min", m.do("max", argument, m.constant(-EXP_LIMIT)), m.constant(EXP_LIMIT));
  const x = m.name("x", limited);
  const { integer, power } = m.nearestPower("n", m.mul(x, m.constant(Math.LOG2E)));
  const reduced = m.sub(m.sub(x, m.mul(integer, m.constant(LN2_HIGH))), m.mul(integer, m.constant(LN2_LOW)));
  const r = m.name("r", reduced);
  return { growth: m.mul(r, m.polynomial(inverseFactorials, r)), power: m.name("power", power) };
}

function exp(m: Doubles, x: Instruction): Instruction {
  const { growth, power } = exponential(m, x);
  return m.mul(m.add(growth, m.constant(1)), power);
}

/** `e^x - 1` without its sign for -0. */
export function growthOf(m: Doubles, x: Instruction): Instruction {
  const { growth, power } = exponential(m, x);
  return m.add(m.mul(growth, power), m.sub(power, m.constant(1)));
}

/** `exponent·ln 2 + ln(1 + f)` by `ln(1 + f) = 2·atanh(f/(2 + f))`. */
function logarithm(m: Doubles, exponent: Instruction, f: Instruction): Instruction {
  const s = m.name("s", m.div(f, m.add(f, m.constant(2))));
  const z = m.name("z", m.mul(s, s));
  const series = m.mul(m.mul(s, m.constant(2)), m.polynomial(inverseOdds, z));
  return m.add(m.mul(exponent, m.constant(LN2_HIGH)), m.add(series, m.mul(exponent, m.constant(LN2_LOW))));
}

/** -∞ for 0, NaN for negative numbers and NaN, ∞ for itself, `value` for all others. */
function logarithmOrLimit(m: Doubles, x: Instruction, value: Instruction): Instruction {
  const finite = m.select(m.is("lt", x, m.constant(Number.POSITIVE_INFINITY)), value, x);
  const below = m.select(
    m.is("eq", x, m.constant(0)),
    m.constant(Number.NEGATIVE_INFINITY),
    m.constant(Number.NaN),
  );
  return m.select(m.is("gt", x, m.constant(0)), finite, below);
}

function log(m: Doubles, x: Instruction): Instruction {
  const { exponent, fraction } = m.split("x", x);
  const f = m.name("f", m.sub(fraction, m.constant(1)));
  return logarithmOrLimit(m, x, logarithm(m, m.name("k", exponent), f));
}

/** `ln(1 + x)`; near 0 the sum is never formed. */
export function log1p(m: Doubles, x: Instruction): Instruction {
  const sum = m.name("sum", m.add(x, m.constant(1)));
  const near = m.name("near", m.is("lt", m.do("abs", x), m.constant(0.25)));
  const { exponent, fraction } = m.split("sum", sum);
  const k = m.name("k", m.select(near, m.constant(0), exponent));
  const f = m.name("f", m.select(near, x, m.sub(fraction, m.constant(1))));
  return m.withSign(logarithmOrLimit(m, sum, logarithm(m, k, f)), x);
}

/** `a^b` as JavaScript defines it: 1 if b is 0, NaN for 1^±∞ and for roots of negative numbers. */
export function pow(m: Doubles, a: Instruction, b: Instruction): Instruction {
  const base = m.name("base", m.do("abs", a));
  const exponent = m.name("log", log(m, base));
  const magnitude = m.name("magnitude", exp(m, m.mul(b, exponent)));
  const half = m.mul(b, m.constant(0.5));
  const isInteger = m.is("eq", m.do("trunc", b), b);
  const isOdd = m.both(isInteger, m.is("ne", m.do("trunc", half), half));
  const signed = m.name("signed", m.select(isOdd, m.withSign(magnitude, a), magnitude));
  const isNegative = m.both(
    m.is("lt", a, m.constant(0)),
    m.is("gt", a, m.constant(Number.NEGATIVE_INFINITY)),
  );
  const real = m.select(isNegative, m.select(isInteger, signed, m.constant(Number.NaN)), signed);
  return m.select(m.is("eq", b, m.constant(0)), m.constant(1), real);
}
