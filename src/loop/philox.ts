/**
 * The random generator of src/core/philox.ts as Loop IR: only sums, products, shifts and exclusive-or of 32-bit
 * words, so that every backend that has those draws the same bits.
 */

import { PHILOX } from "../core/philox.ts";
import { add, bits, mul, shiftRight, word, xor } from "./build.ts";
import type { Expr } from "./types.ts";

export type Words4 = readonly [Expr, Expr, Expr, Expr];

/** The four random words of the block `counter` under `key`; all are words. */
export function philoxWords(counter: Words4, key: readonly [Expr, Expr]): Words4 {
  const { rounds, multipliers, weyl } = PHILOX;
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < rounds; round++) {
    const [high0, low0] = wholeProduct(multipliers[0], c0);
    const [high1, low1] = wholeProduct(multipliers[1], c2);
    [c0, c1, c2, c3] = [xor(xor(high1, c1), k0), low1, xor(xor(high0, c3), k1), low0];
    k0 = add(k0, word(weyl[0]));
    k1 = add(k1, word(weyl[1]));
  }
  return [c0, c1, c2, c3];
}

/** The upper and the lower 32 bits of `a·b`, the upper ones by long multiplication of 16-bit halves. */
export function wholeProduct(a: number, b: Expr): readonly [high: Expr, low: Expr] {
  const [aLow, aHigh] = [word(a & 0xffff), word(a >>> 16)];
  const [bLow, bHigh] = [bits(b, 0xffff), shiftRight(b, 16)];
  const middle = add(mul(bLow, aHigh), shiftRight(mul(bLow, aLow), 16));
  const carry = add(mul(bHigh, aLow), bits(middle, 0xffff));
  const high = add(add(mul(bHigh, aHigh), shiftRight(middle, 16)), shiftRight(carry, 16));
  return [high, mul(b, word(a))];
}
