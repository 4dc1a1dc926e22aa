/** Exact fractions, with which identities of matrices can be tested exactly. */

import { invariant } from "../../src/core/errors.ts";

/** A fraction in lowest terms with a positive denominator. */
export class Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;

  constructor(numerator: bigint, denominator = 1n) {
    invariant(denominator !== 0n, "a fraction has a denominator");
    const divisor = greatestCommonDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n);
    this.numerator = numerator / divisor;
    this.denominator = denominator / divisor;
  }

  /** The exact value of a number. */
  static of(value: number): Fraction {
    let [numerator, denominator] = [value, 1];
    while (!Number.isInteger(numerator)) [numerator, denominator] = [2 * numerator, 2 * denominator];
    return new Fraction(BigInt(numerator), BigInt(denominator));
  }

  plus(other: Fraction): Fraction {
    return new Fraction(
      this.numerator * other.denominator + other.numerator * this.denominator,
      this.denominator * other.denominator,
    );
  }

  minus(other: Fraction): Fraction {
    return this.plus(new Fraction(-other.numerator, other.denominator));
  }

  times(other: Fraction): Fraction {
    return new Fraction(this.numerator * other.numerator, this.denominator * other.denominator);
  }

  over(other: Fraction): Fraction {
    return new Fraction(this.numerator * other.denominator, this.denominator * other.numerator);
  }

  toNumber(): number {
    return Number(this.numerator) / Number(this.denominator);
  }
}

export const ZERO = new Fraction(0n);
export const ONE = new Fraction(1n);

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
