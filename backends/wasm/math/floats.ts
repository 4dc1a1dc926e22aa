/**
 * Single-precision arithmetic on four numbers at once, for the elementary functions that training calls for every
 * element. A single number is the first of four equal ones, so that both forms give the same bits.
 */

import { invariant } from "../../../src/core/errors.ts";
import { get, type Instruction, i32, type Local, operation, set, vector } from "../encode/instructions.ts";
import type { VectorShape } from "../encode/operations.ts";

/** Added to a number below 2²² in size, leaves its nearest integer in the lowest bits of the sum. */
const ROUNDER = 1.5 * 2 ** 23;
/** Bits of a float32 below the exponent. */
const MANTISSA_BITS = 23;
const ONE_BITS = 0x3f800000;
const ROOT_HALF_BITS = 0x3f3504f3;
const SIGN_BITS = -(2 ** 31);

/** The function that code is added to. */
export interface Around {
  /** A local of that name, which other code may reuse. */
  local(name: string): Local;
  /** The same constant in every lane. */
  constant(shape: VectorShape, value: number): Instruction;
  /** Whether multiply-adds may be rounded once. */
  readonly usesRelaxedMadd: boolean;
}

/** A function of its own. */
export class Alone implements Around {
  readonly locals: Local[] = [];
  readonly usesRelaxedMadd: boolean;

  constructor(usesRelaxedMadd: boolean) {
    this.usesRelaxedMadd = usesRelaxedMadd;
  }

  local(name: string): Local {
    const local: Local = { name, type: "v128" };
    this.locals.push(local);
    return local;
  }

  constant(shape: VectorShape, value: number): Instruction {
    return vector(shape, [value, value, value, value]);
  }
}

/** Emits the computation of one value: its parts are named, and names are locals. */
export class Floats {
  readonly body: Instruction[] = [];
  private readonly names = new Set<string>();
  private readonly around: Around;

  constructor(around: Around) {
    this.around = around;
  }

  /** Computes `value` once; the result may be used any number of times. */
  name(name: string, value: Instruction): Instruction {
    invariant(!this.names.has(name), `${name} is named twice`);
    this.names.add(name);
    const local = this.around.local(name);
    this.body.push(set(local, value));
    return get(local);
  }

  constant = (value: number): Instruction => this.around.constant("f32x4", value);
  private readonly bits = (value: number): Instruction => this.around.constant("i32x4", value);

  add(a: Instruction, b: Instruction): Instruction {
    const [product, rest] = isProduct(b) ? [b, a] : [a, b];
    return this.around.usesRelaxedMadd && isProduct(product)
      ? operation("f32x4.relaxed_madd", ...product.operands, rest)
      : operation("f32x4.add", a, b);
  }
  sub = (a: Instruction, b: Instruction): Instruction => operation("f32x4.sub", a, b);
  mul = (a: Instruction, b: Instruction): Instruction => operation("f32x4.mul", a, b);
  div = (a: Instruction, b: Instruction): Instruction => operation("f32x4.div", a, b);
  abs = (a: Instruction): Instruction => operation("f32x4.abs", a);
  lt = (a: Instruction, b: Instruction): Instruction => operation("f32x4.lt", a, b);
  gt = (a: Instruction, b: Instruction): Instruction => operation("f32x4.gt", a, b);
  eq = (a: Instruction, b: Instruction): Instruction => operation("f32x4.eq", a, b);

  /** `a`, or the limit if `a` is above it; NaN stays. */
  atMost = (a: Instruction, limit: number): Instruction => operation("f32x4.pmin", a, this.constant(limit));

  /** `a`, or the limit if `a` is below it; NaN stays. */
  atLeast = (a: Instruction, limit: number): Instruction => operation("f32x4.max", a, this.constant(limit));

  select = (condition: Instruction, a: Instruction, b: Instruction): Instruction =>
    operation("v128.bitselect", a, b, condition);

  /** 0 if the condition does not hold. */
  when = (condition: Instruction, a: Instruction): Instruction => operation("v128.and", a, condition);

  /** 0 if the condition holds. */
  unless = (condition: Instruction, a: Instruction): Instruction => operation("v128.andnot", a, condition);

  /** The magnitude of `a` with the sign of `b`. */
  withSign = (a: Instruction, b: Instruction): Instruction =>
    operation("v128.bitselect", b, a, this.bits(SIGN_BITS));

  /**
   * `a` rounded to the nearest integer, but at most `limit`, as a number and as the power of two with that exponent.
   */
  nearestPower(name: string, a: Instruction, limit: number) {
    const sum = this.atMost(this.add(a, this.constant(ROUNDER)), ROUNDER + limit);
    const shifted = this.name(`${name}_bits`, sum);
    const exponent = operation("i32x4.shl", shifted, i32(MANTISSA_BITS));
    return {
      integer: this.name(name, this.sub(shifted, this.constant(ROUNDER))),
      power: operation("i32x4.add", exponent, this.bits(ONE_BITS)),
    };
  }

  /**
   * The exponent `e` for which `a/2^e` is from √½ up to √2, for
   * positive normal `a`: as a number, and in a float32's exponent bits.
   */
  exponentOf(name: string, a: Instruction) {
    const above = operation("i32x4.sub", a, this.bits(ROOT_HALF_BITS));
    const whole = this.name(name, operation("i32x4.shr_s", above, i32(MANTISSA_BITS)));
    return {
      exponent: operation("f32x4.convert_i32x4_s", whole),
      place: this.name(`${name}_place`, operation("i32x4.shl", whole, i32(MANTISSA_BITS))),
    };
  }

  /** `a/2^e`, for numbers that stay normal, and 0 for 0 over 1. */
  over = (a: Instruction, place: Instruction): Instruction => operation("i32x4.sub", a, place);

  /** `2^-e`, and 0 if that is not normal. */
  inverse = (place: Instruction): Instruction =>
    operation("i32x4.max_s", operation("i32x4.sub", this.bits(ONE_BITS), place), this.bits(0));

  /** `c0 + c1·x + c2·x² + …` by Estrin's scheme, whose steps do not wait for each other: `powers` are x, x², x⁴, …. */
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

const isProduct = (e: Instruction): e is Extract<Instruction, { kind: "operation" }> =>
  e.kind === "operation" && e.name === "f32x4.mul";
