/** The remainder of a truncated division, exact for all float32 numbers. */

import type { Instruction } from "../encode/instructions.ts";
import type { Doubles } from "./doubles.ts";

/** Quotients have at most this many bits, so that their products with a float32 are exact doubles. */
const QUOTIENT_BITS = 29;
/** Splits a double: multiplied by this, minus what that adds, it leaves its upper bits (Veltkamp). */
const SPLITTER = 2 ** (53 - QUOTIENT_BITS) + 1;
/** Subtractions that reduce the largest quotient of two float32, below 2²⁷⁷, to less than 1: 28 bits each. */
const STEPS = 10;

/**
 * Each step subtracts the divisor times the quotient's upper bits without rounding: the product is exact, and so
 * is the difference of two doubles so close to each other. Only the last quotient is truncated; one that was rounded up
 * leaves a remainder of the wrong sign, to which the divisor is added once.
 */
export function fmod(m: Doubles, a: Instruction, b: Instruction): Instruction {
  const dividend = m.name("dividend", m.do("abs", a));
  const divisor = m.name("divisor", m.do("abs", b));
  const limit = m.constant(2 ** QUOTIENT_BITS);
  const step = (rest: Instruction, k: number): Instruction => {
    const quotient = m.name(`quotient${k}`, m.div(rest, divisor));
    const scaled = m.name(`scaled${k}`, m.mul(quotient, m.constant(SPLITTER)));
    const upper = m.sub(scaled, m.sub(scaled, quotient));
    const isSmall = m.is("lt", m.do("abs", quotient), limit);
    const whole = m.select(isSmall, m.do("trunc", quotient), upper);
    return m.sub(rest, m.mul(divisor, whole));
  };
  const first = m.name("rest0", step(dividend, 0));
  const isLong = m.name("is_long", m.is("ge", m.div(dividend, divisor), limit));
  const rest = m.unlessRare("rest", isLong, first, () => {
    let next = first;
    for (let k = 1; k < STEPS; k++) next = m.name(`rest${k}`, step(next, k));
    return next;
  });
  const isNegative = m.is("lt", rest, m.constant(0));
  const positive = m.name("positive", m.select(isNegative, m.add(rest, divisor), rest));
  // The remainder of an infinite dividend is NaN, that of an infinite divisor the dividend.
  const isBelow = m.both(
    m.is("eq", divisor, m.constant(Number.POSITIVE_INFINITY)),
    m.is("lt", dividend, divisor),
  );
  return m.withSign(m.select(isBelow, dividend, positive), a);
}
