/** The remainder of a division cut off towards 0, exact for all float32 numbers. */

import type { Instruction } from "../encode/instructions.ts";
import type { Doubles } from "./doubles.ts";

/** Quotients have at most this many bits, so that their products with a float32 are exact doubles. */
const QUOTIENT_BITS = 29;
/** Cuts a double in two: times this, less what that adds, its upper bits (Veltkamp). */
const SPLITTER = 2 ** (53 - QUOTIENT_BITS) + 1;
/** Subtractions that bring the largest quotient of two float32, below 2²⁷⁷, below 1: 28 bits each. */
const STEPS = 10;

/**
 * Each step subtracts the divisor times the quotient's upper bits, which leaves no rounding: the product is exact, and so
 * is the difference of two doubles so near each other. Only the last quotient is cut off; one that was rounded up
 * leaves a remainder of the wrong sign, which gains the divisor once.
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
  // Nothing is left of what is infinite, and all of what is divided by it.
  const isBelow = m.both(
    m.is("eq", divisor, m.constant(Number.POSITIVE_INFINITY)),
    m.is("lt", dividend, divisor),
  );
  return m.withSign(m.select(isBelow, dividend, positive), a);
}
