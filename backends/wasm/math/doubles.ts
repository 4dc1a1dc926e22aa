/**
 * Double-precision arithmetic on one number or on two at once, behind the same names: each elementary function is
 * written once, and its scalar and its SIMD form give the same bits.
 */

import { invariant } from "../../../src/core/errors.ts";
import {
  f64,
  get,
  type Instruction,
  i32,
  i64,
  type Local,
  operation,
  selectValue,
  set,
  vector,
  when,
} from "../encode/instructions.ts";
import type { OperationName, ValueType } from "../encode/operations.ts";

type Arithmetic =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "min"
  | "max"
  | "abs"
  | "neg"
  | "floor"
  | "trunc"
  | "nearest"
  | "sqrt";
type Comparison = "eq" | "ne" | "lt" | "gt" | "le" | "ge";

/** The bits of -0.0, only the sign, as a signed 64-bit number. */
const SIGN_BITS = -(2 ** 63);
/** Added to a small number, leaves its nearest integer in the lowest bits of the sum. */
const ROUNDER = 1.5 * 2 ** 52;
/** Bits of a double below the exponent. */
const MANTISSA_BITS = 52;

/** Emits the body of one function: values are named, and names are locals. */
export class Doubles {
  readonly type: "f64" | "v128";
  readonly locals: Local[] = [];
  private statements: Instruction[] = [];
  private readonly prefix: "f64" | "f64x2";

  constructor(isWide: boolean) {
    this.type = isWide ? "v128" : "f64";
    this.prefix = isWide ? "f64x2" : "f64";
  }

  /** The instructions so far. */
  get body(): readonly Instruction[] {
    return this.statements;
  }

  /** `rare()` if the condition holds, else `usual`; `rare` is skipped if it holds for none of the numbers. */
  unlessRare(name: string, condition: Instruction, usual: Instruction, rare: () => Instruction): Instruction {
    const result = this.name(name, usual);
    const own = this.statements;
    this.statements = [];
    const value = rare();
    const local = this.locals.find((known) => known.name === name)!;
    const inside = [...this.statements, set(local, this.select(condition, value, result))];
    this.statements = own;
    const holds = this.type === "f64" ? condition : operation("v128.any_true", condition);
    this.statements.push(when(holds, inside));
    return result;
  }

  /** Computes `value` once; the result may be used any number of times. */
  name(name: string, value: Instruction): Instruction {
    invariant(!this.locals.some((local) => local.name === name), `${name} is named twice`);
    const local: Local = { name, type: value.type as ValueType };
    this.locals.push(local);
    this.statements.push(set(local, value));
    return get(local);
  }

  constant(value: number): Instruction {
    return this.type === "f64" ? f64(value) : vector("f64x2", [value, value]);
  }

  do(op: Arithmetic, ...operands: readonly Instruction[]): Instruction {
    return operation(`${this.prefix}.${op}` as OperationName, ...operands);
  }

  add = (a: Instruction, b: Instruction): Instruction => this.do("add", a, b);
  sub = (a: Instruction, b: Instruction): Instruction => this.do("sub", a, b);
  mul = (a: Instruction, b: Instruction): Instruction => this.do("mul", a, b);
  div = (a: Instruction, b: Instruction): Instruction => this.do("div", a, b);

  /** A condition for `select`. */
  is(op: Comparison, a: Instruction, b: Instruction): Instruction {
    return operation(`${this.prefix}.${op}`, a, b);
  }

  both(a: Instruction, b: Instruction): Instruction {
    return this.type === "f64" ? operation("i32.and", a, b) : operation("v128.and", a, b);
  }

  select(condition: Instruction, a: Instruction, b: Instruction): Instruction {
    return this.type === "f64" ? selectValue(condition, a, b) : operation("v128.bitselect", a, b, condition);
  }

  /** The magnitude of `a` with the sign of `b`. */
  withSign(a: Instruction, b: Instruction): Instruction {
    if (this.type === "f64") return operation("f64.copysign", a, b);
    return operation("v128.bitselect", b, a, vector("i64x2", [SIGN_BITS, SIGN_BITS]));
  }

  /** `a` rounded to the nearest integer, as a number and as the power of two with that exponent; |a| < 1000. */
  nearestPower(name: string, a: Instruction): { readonly integer: Instruction; readonly power: Instruction } {
    const shifted = this.name(`${name}_bits`, this.add(a, this.constant(ROUNDER)));
    const integer = this.name(name, this.sub(shifted, this.constant(ROUNDER)));
    const exponent = this.shiftLeft(this.bits(shifted), MANTISSA_BITS);
    return { integer, power: this.number(this.addBits(exponent, this.bits(this.constant(1)))) };
  }

  /** `a = 2^exponent · fraction` with `fraction` from √½ up to √2, for positive normal `a`. */
  split(name: string, a: Instruction): { readonly exponent: Instruction; readonly fraction: Instruction } {
    const start = this.bits(this.constant(Math.SQRT1_2));
    const exponent = this.name(
      `${name}_exponent`,
      this.shiftRight(this.subBits(this.bits(a), start), MANTISSA_BITS),
    );
    const fraction = this.number(this.subBits(this.bits(a), this.shiftLeft(exponent, MANTISSA_BITS)));
    const rounder = this.constant(ROUNDER);
    return { exponent: this.sub(this.number(this.addBits(exponent, this.bits(rounder))), rounder), fraction };
  }

  private bits(a: Instruction): Instruction {
    return this.type === "f64" ? operation("i64.reinterpret_f64", a) : a;
  }

  private number(a: Instruction): Instruction {
    return this.type === "f64" ? operation("f64.reinterpret_i64", a) : a;
  }

  private addBits(a: Instruction, b: Instruction): Instruction {
    return operation(this.type === "f64" ? "i64.add" : "i64x2.add", a, b);
  }

  private subBits(a: Instruction, b: Instruction): Instruction {
    return operation(this.type === "f64" ? "i64.sub" : "i64x2.sub", a, b);
  }

  private shiftLeft(a: Instruction, by: number): Instruction {
    return this.type === "f64" ? operation("i64.shl", a, i64(by)) : operation("i64x2.shl", a, i32(by));
  }

  /** Keeps the sign. */
  private shiftRight(a: Instruction, by: number): Instruction {
    return this.type === "f64" ? operation("i64.shr_s", a, i64(by)) : operation("i64x2.shr_s", a, i32(by));
  }

  /** `c0 + c1·x + c2·x² + …` by Horner's rule. */
  polynomial(coefficients: readonly number[], x: Instruction): Instruction {
    return [...coefficients]
      .reverse()
      .map((c) => this.constant(c))
      .reduce((sum, c) => this.add(this.mul(sum, x), c));
  }
}
