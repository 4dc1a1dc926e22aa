/**
 * Single-precision arithmetic on four numbers at once, for the elementary functions that training calls for every
 * element. A single number is the first of four equal ones, so that both forms give the same bits.
 */

import { invariant } from "../../../src/core/errors.ts";
import { get, type Instruction, i32, type Local, operation, set, vector } from "../encode/instructions.ts";

/** Added to a number below 2²² in size, leaves its nearest integer in the lowest bits of the sum. */
const ROUNDER = 1.5 * 2 ** 23;
/** Bits of a float32 below the exponent. */
const MANTISSA_BITS = 23;
const ONE_BITS = 0x3f800000;
const SIGN_BITS = -(2 ** 31);

/** Emits the body of one function: values are named, and names are locals. */
export class Floats {
  readonly locals: Local[] = [];
  readonly body: Instruction[] = [];

  /** Computes `value` once; the result may be used as often as wanted. */
  name(name: string, value: Instruction): Instruction {
    invariant(!this.locals.some((local) => local.name === name), `${name} is named twice`);
    const local: Local = { name, type: "v128" };
    this.locals.push(local);
    this.body.push(set(local, value));
    return get(local);
  }

  constant = (value: number): Instruction => vector("f32x4", [value, value, value, value]);
  private readonly bits = (value: number): Instruction => vector("i32x4", [value, value, value, value]);

  add = (a: Instruction, b: Instruction): Instruction => operation("f32x4.add", a, b);
  sub = (a: Instruction, b: Instruction): Instruction => operation("f32x4.sub", a, b);
  mul = (a: Instruction, b: Instruction): Instruction => operation("f32x4.mul", a, b);
  div = (a: Instruction, b: Instruction): Instruction => operation("f32x4.div", a, b);
  abs = (a: Instruction): Instruction => operation("f32x4.abs", a);
  lt = (a: Instruction, b: Instruction): Instruction => operation("f32x4.lt", a, b);

  /** `a`, or the limit where `a` is beyond it; NaN stays. */
  atMost = (a: Instruction, limit: number): Instruction => operation("f32x4.pmin", a, this.constant(limit));

  select = (condition: Instruction, a: Instruction, b: Instruction): Instruction =>
    operation("v128.bitselect", a, b, condition);

  /** 0 where the condition holds. */
  unless = (condition: Instruction, a: Instruction): Instruction => operation("v128.andnot", a, condition);

  /** The magnitude of `a` with the sign of `b`. */
  withSign = (a: Instruction, b: Instruction): Instruction =>
    operation("v128.bitselect", b, a, this.bits(SIGN_BITS));

  /** `a` rounded to the nearest integer, but to no more than `limit`, as a number and as the power of two with that exponent. */
  nearestPower(name: string, a: Instruction, limit: number) {
    const sum = this.atMost(this.add(a, this.constant(ROUNDER)), ROUNDER + limit);
    const shifted = this.name(`${name}_bits`, sum);
    const exponent = operation("i32x4.shl", shifted, i32(MANTISSA_BITS));
    return {
      integer: this.name(name, this.sub(shifted, this.constant(ROUNDER))),
      power: operation("i32x4.add", exponent, this.bits(ONE_BITS)),
    };
  }

  /** `c0 + c1·x + c2·x² + …` by Estrin's scheme, whose steps do not wait for one another: `powers` are x, x², x⁴, …. */
  polynomial(coefficients: readonly number[], powers: readonly Instruction[]): Instruction {
    let terms = coefficients.map(this.constant);
    for (const power of powers) {
      const pairs = terms.filter((_, k) => k % 2 === 0);
      const odd = terms.filter((_, k) => k % 2 === 1);
      terms = pairs.map((even, k) => (odd[k] === undefined ? even : this.add(even, this.mul(odd[k], power))));
    }
    invariant(terms.length === 1, "powers enough for the polynomial");
    return terms[0];
  }
}
