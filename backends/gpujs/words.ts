/**
 * 32-bit words for kernels whose numbers are 32-bit floats: each word is two halves of 16 bits, and no intermediate
 * value reaches 2^24, up to which floats count exactly. So the random generator draws the same bits in every mode.
 */

/** Sixteen bits: a known number, or an expression that is an integer from 0 to 65535. */
type Half = number | string;

export interface Word {
  readonly high: Half;
  readonly low: Half;
}

/** Takes statements: gives an expression a name. */
export interface Namer {
  /** A constant of that value; returns its name. */
  name(expression: string): string;
  /** A number of that integer value: bit operators return integers, which shading languages distinguish. */
  nameInteger(expression: string): string;
}

const HALF = 65536;

export const wordOf = (value: number): Word => ({ high: value >>> 16, low: value & 0xffff });

/** The word with the bits of an integer between -2^24 and 2^24, in two's complement. */
export function wordOfInteger(n: Namer, text: string): Word {
  const value = n.name(text);
  return { high: modulo(n, quotient(n, value, HALF), HALF), low: modulo(n, value, HALF) };
}

export function addWords(n: Namer, a: Word, b: Word): Word {
  const low = sum(n, a.low, b.low);
  return {
    high: modulo(n, sum(n, sum(n, a.high, b.high), quotient(n, low, HALF)), HALF),
    low: modulo(n, low, HALF),
  };
}

export function subtractWords(n: Namer, a: Word, b: Word): Word {
  const complement: Word = { high: difference(n, 0xffff, b.high), low: difference(n, 0xffff, b.low) };
  return addWords(n, addWords(n, a, complement), wordOf(1));
}

/** The lower 32 bits of the product: the upper half takes the lower halves of the products across. */
export function multiplyWords(n: Namer, a: Word, b: Word): Word {
  const base = multiplyHalves(n, a.low, b.low);
  const across = sum(n, multiplyHalves(n, a.high, b.low).low, multiplyHalves(n, a.low, b.high).low);
  return { high: modulo(n, sum(n, base.high, across), HALF), low: base.low };
}

/** All 32 bits of the product of two halves; one of them is cut into bytes, so that no product passes 2^24. */
function multiplyHalves(n: Namer, a: Half, b: Half): Word {
  if (typeof a === "number" && typeof b === "number") return wordOf(Math.imul(a, b) >>> 0);
  if (a === 0 || b === 0) return wordOf(0);
  const [whole, cut] = typeof a === "number" ? [b, a] : [a, b];
  const lowByte = product(n, whole, modulo(n, cut, 256));
  const highByte = product(n, whole, quotient(n, cut, 256));
  const low = sum(n, modulo(n, lowByte, HALF), product(n, modulo(n, highByte, 256), 256));
  const high = sum(n, sum(n, quotient(n, lowByte, HALF), quotient(n, highByte, 256)), quotient(n, low, HALF));
  return { high, low: modulo(n, low, HALF) };
}

export const xorWords = (n: Namer, a: Word, b: Word): Word => ({
  high: bitwise(n, "^", a.high, b.high),
  low: bitwise(n, "^", a.low, b.low),
});

export const andWords = (n: Namer, a: Word, b: Word): Word => ({
  high: bitwise(n, "&", a.high, b.high),
  low: bitwise(n, "&", a.low, b.low),
});

/** Shifts zeros in from above; `by` is known and below 32. */
export function shiftWord(n: Namer, a: Word, by: number): Word {
  if (by === 0) return a;
  if (by >= 16) return { high: 0, low: quotient(n, a.high, 2 ** (by - 16)) };
  const carried = product(n, modulo(n, a.high, 2 ** by), 2 ** (16 - by));
  return { high: quotient(n, a.high, 2 ** by), low: sum(n, quotient(n, a.low, 2 ** by), carried) };
}

/** The word as an unsigned number, rounded if it has more than 24 bits. */
export const wordAsNumber = (a: Word): string =>
  a.high === 0 ? text(a.low) : `${text(a.high)} * 65536.0 + ${text(a.low)}`;

/** A condition: `a` less than `b`, or with `orEqual` at most `b`. */
export const lessThan = (a: Word, b: Word, orEqual: boolean): string =>
  `(${text(a.high)} < ${text(b.high)} || (${text(a.high)} === ${text(b.high)} && ${text(a.low)} ${orEqual ? "<=" : "<"} ${text(b.low)}))`;

export const equalWords = (a: Word, b: Word): string =>
  `(${text(a.high)} === ${text(b.high)} && ${text(a.low)} === ${text(b.low)})`;

export const text = (half: Half): string => (typeof half === "number" ? `${half}.0` : half);

const known = (a: Half, b: Half, f: (a: number, b: number) => number): number | undefined =>
  typeof a === "number" && typeof b === "number" ? f(a, b) : undefined;

function sum(n: Namer, a: Half, b: Half): Half {
  if (a === 0) return b;
  if (b === 0) return a;
  return known(a, b, (x, y) => x + y) ?? n.name(`${text(a)} + ${text(b)}`);
}

const difference = (n: Namer, a: Half, b: Half): Half =>
  known(a, b, (x, y) => x - y) ?? n.name(`${text(a)} - ${text(b)}`);

function product(n: Namer, a: Half, b: Half): Half {
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  if (b === 1) return a;
  return known(a, b, (x, y) => x * y) ?? n.name(`${text(a)} * ${text(b)}`);
}

/** Division by a power of two is exact as a product with its reciprocal. */
function quotient(n: Namer, a: Half, divisor: number): Half {
  if (divisor === 1) return a;
  return typeof a === "number" ? Math.floor(a / divisor) : n.name(`Math.floor(${a} * ${1 / divisor})`);
}

function modulo(n: Namer, a: Half, divisor: number): Half {
  if (typeof a === "number") return a % divisor;
  const whole = quotient(n, a, divisor);
  return n.name(`${a} - ${text(whole)} * ${divisor}.0`);
}

function bitwise(n: Namer, sign: "^" | "&", a: Half, b: Half): Half {
  const both = known(a, b, (x, y) => (sign === "^" ? x ^ y : x & y));
  if (both !== undefined) return both;
  const [fixed, other] = typeof a === "number" ? [a, b] : [b, a];
  if (sign === "^" && fixed === 0) return other;
  if (sign === "&" && fixed === 0) return 0;
  if (sign === "&" && fixed === 0xffff) return other;
  return n.nameInteger(`${text(a)} ${sign} ${text(b)}`);
}
