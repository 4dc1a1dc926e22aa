/** Hyperbolic functions and their inverses, by `e^x - 1` and `ln(1 + x)`, which keep their digits near 0. */

import type { Instruction } from "../encode/instructions.ts";
import type { Doubles } from "./doubles.ts";
import { growthOf, log1p } from "./formulas.ts";

/** `sinh|x| = (g + g/(g + 1))/2` with `g = e^|x| - 1`. */
export function sinh(m: Doubles, x: Instruction): Instruction {
  const growth = m.name("g", growthOf(m, m.do("abs", x)));
  const sum = m.add(growth, m.div(growth, m.add(growth, m.constant(1))));
  return m.withSign(m.mul(sum, m.constant(0.5)), x);
}

/** `(e^|x| + e^-|x|)/2`. */
export function cosh(m: Doubles, x: Instruction): Instruction {
  const power = m.name("power_of_e", m.add(growthOf(m, m.do("abs", x)), m.constant(1)));
  return m.mul(m.add(power, m.div(m.constant(1), power)), m.constant(0.5));
}

/** `asinh|x| = ln(1 + |x| + x²/(1 + √(1 + x²)))`; squares of float32 are doubles. */
export function asinh(m: Doubles, x: Instruction): Instruction {
  const size = m.name("size", m.do("abs", x));
  const square = m.name("square", m.mul(size, size));
  const root = m.do("sqrt", m.add(square, m.constant(1)));
  const grown = m.name("grown", m.add(size, m.div(square, m.add(root, m.constant(1)))));
  const isInfinite = m.is("eq", size, m.constant(Number.POSITIVE_INFINITY));
  const argument = m.name("argument", m.select(isInfinite, size, grown));
  return m.withSign(log1p(m, argument), x);
}

/** `acosh x = ln(1 + t + √(2t + t²))` with `t = x - 1`; NaN below 1. */
export function acosh(m: Doubles, x: Instruction): Instruction {
  const t = m.name("t", m.sub(x, m.constant(1)));
  const root = m.do("sqrt", m.mul(t, m.add(t, m.constant(2))));
  const argument = m.name("argument", m.add(t, root));
  const value = m.name("value", log1p(m, argument));
  return m.select(m.is("lt", x, m.constant(1)), m.constant(Number.NaN), value);
}

/** `atanh|x| = ln(1 + 2|x|/(1 - |x|))/2`; NaN beyond 1. */
export function atanh(m: Doubles, x: Instruction): Instruction {
  const size = m.name("size", m.do("abs", x));
  const ratio = m.div(m.mul(size, m.constant(2)), m.sub(m.constant(1), size));
  const logarithm = log1p(m, m.name("ratio", ratio));
  const value = m.name("value", m.mul(logarithm, m.constant(0.5)));
  const isBeyond = m.is("gt", size, m.constant(1));
  return m.select(isBeyond, m.constant(Number.NaN), m.withSign(value, x));
}
