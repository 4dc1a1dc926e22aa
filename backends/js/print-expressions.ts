/** Prints expressions as JavaScript, with rounding to float32 where it is needed. */

import { isFloat } from "../../src/core/dtype.ts";
import { InternalError, invariant } from "../../src/core/errors.ts";
import { isElementary } from "../../src/loop/elementary.ts";
import type { RangeContext } from "../../src/loop/range.ts";
import { EXACT_WHOLE, isRounded, type Sums, sumsOf } from "../../src/loop/single-precision.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import { isIndex } from "../../src/loop/typing.ts";
import { COMPARE, fround, isWhole, mangle, number, SHIFT } from "./spelling.ts";

/** How a kernel reaches a buffer: a typed array's name and the element at which the buffer starts in it. */
export interface Address {
  readonly view: string;
  readonly offset: number;
}

/** Where buffers are, and the names that every kernel function takes. */
export interface Environment {
  readonly parameters: readonly string[];
  readonly addresses: ReadonlyMap<string, Address>;
  /** Position of each scalar in the array `scalars`. */
  readonly scalars: readonly string[];
}

/** Added to a double, leaves no bits for a fraction: ties go to even. */
const ROUNDER = 1.5 * 2 ** 52;

export class ExpressionPrinter {
  private readonly kernel: Kernel;
  private readonly environment: Environment;
  /** The float32 accumulators that add up in double precision. */
  private readonly sums: Sums;

  constructor(kernel: Kernel, environment: Environment) {
    this.kernel = kernel;
    this.environment = environment;
    this.sums = sumsOf(kernel);
  }

  private address(buffer: string): Address {
    const address = this.environment.addresses.get(buffer);
    invariant(address !== undefined, `no address for ${buffer}`);
    return address;
  }

  /** The entry after the `count` ones that were appended to a list from `base` on. */
  entry(buffer: string, base: Expr, count: string, ranges: RangeContext): string {
    const { view, offset } = this.address(buffer);
    return `${view}[${this.sum(base, ranges, offset, count)}]`;
  }

  element(buffer: string, index: Expr, ranges: RangeContext): string {
    const { view, offset } = this.address(buffer);
    return `${view}[${this.sum(index, ranges, offset)}]`;
  }

  /** `index + offset (+ more)` with the constants combined. */
  private sum(index: Expr, ranges: RangeContext, offset: number, more?: string): string {
    let constant = offset;
    let rest: Expr | undefined = index;
    if (index.kind === "const") {
      constant += index.value;
      rest = undefined;
    } else if (index.kind === "binary" && index.op === "add" && index.b.kind === "const") {
      constant += index.b.value;
      rest = index.a;
    }
    const parts = [
      ...(rest === undefined ? [] : [this.expression(rest, ranges, 4)]),
      ...(more === undefined ? [] : [more]),
    ];
    if (parts.length === 0) return `${constant}`;
    if (constant !== 0) parts.push(`${constant}`);
    return parts.length === 1 && rest?.kind !== "binary" ? parts[0] : `${parts.join(" + ")} | 0`;
  }

  /** The right-hand side of a store to a typed array, which rounds by itself. */
  stored(value: Expr, ranges: RangeContext): string {
    if (value.dtype === "bool") return `${this.expression(value, ranges, 1)} ? 1 : 0`;
    return isFloat(value.dtype) ? this.unrounded(value, ranges, 0) : this.value(value, ranges);
  }

  /** The new value of an accumulator: sums are not rounded before their end. */
  accumulated(name: string, value: Expr, ranges: RangeContext): string {
    return this.sums.has(name) ? this.exact(value, ranges, 0) : this.value(value, ranges);
  }

  /** A sum of products in double precision. */
  private exact(e: Expr, ranges: RangeContext, level: number): string {
    const wrap = (own: number, text: string): string => (own < level ? `(${text})` : text);
    if (e.kind === "local") return e.name;
    if (e.kind === "unary" && e.op === "neg") return wrap(5, `-(${this.exact(e.a, ranges, 0)})`);
    if (e.kind === "select") {
      const condition = this.expression(e.condition, ranges, 2);
      const a = this.exact(e.a, ranges.withCondition(e.condition), 1);
      return wrap(0, `${condition} ? ${a} : ${this.exact(e.b, ranges, 1)}`);
    }
    if (e.kind !== "binary") return this.expression(e, ranges, level);
    switch (e.op) {
      case "add":
        return wrap(4, `${this.exact(e.a, ranges, 4)} + ${this.exact(e.b, ranges, 5)}`);
      case "sub":
        return wrap(4, `${this.exact(e.a, ranges, 4)} - ${this.exact(e.b, ranges, 5)}`);
      case "mul": {
        const factor = (f: Expr, own: number): string =>
          f.kind === "local" ? f.name : this.expression(f, ranges, own);
        return wrap(5, `${factor(e.a, 5)} * ${factor(e.b, 6)}`);
      }
      default:
        return this.expression(e, ranges, level);
    }
  }

  /** A word as an unsigned number; words are kept as signed numbers, as JavaScript's bit operators return them. */
  private unsigned(e: Expr, ranges: RangeContext, level: number): string {
    const isSmall = (e.kind === "const" && e.value < 2 ** 31) || (e.kind === "binary" && e.op === "shr");
    if (isSmall) return this.expression(e, ranges, level);
    const text = `${this.expression(e, ranges, SHIFT + 1)} >>> 0`;
    return SHIFT < level ? `(${text})` : text;
  }

  value(e: Expr, ranges: RangeContext): string {
    return isIndex(e) ? this.integer(e, ranges) : this.expression(e, ranges, 0);
  }

  integer(e: Expr, ranges: RangeContext): string {
    const text = this.expression(e, ranges, 1);
    return e.kind === "binary" ? `${text} | 0` : text;
  }

  /**
   * `level` is the binding strength of the surroundings in JavaScript:
   * 1 `|`, 2 `||`/`&&`, 3 comparison, 4 sum, 5 product, 6 all others.
   */
  expression(e: Expr, ranges: RangeContext, level: number): string {
    const wrap = (own: number, text: string): string => (own < level ? `(${text})` : text);
    switch (e.kind) {
      case "const":
        return number(e.value, e.dtype);
      case "var":
        return e.name;
      case "local":
        return this.sums.has(e.name) ? fround(e.name) : e.name;
      case "scalar":
        return `scalar_${mangle(e.name)}`;
      case "load": {
        const text = this.element(e.buffer, e.index, ranges);
        return e.dtype === "bool" ? wrap(3, `${text} !== 0`) : text;
      }
      case "unary":
      case "binary":
        return isRounded(e) ? fround(this.unrounded(e, ranges, 0)) : this.unrounded(e, ranges, level);
      case "compare": {
        const side = (operand: Expr): string =>
          operand.dtype === "uint32"
            ? this.unsigned(operand, ranges, 4)
            : this.expression(operand, ranges, 4);
        return wrap(3, `${side(e.a)} ${COMPARE[e.op]} ${side(e.b)}`);
      }
      case "select": {
        const taken = ranges.withCondition(e.condition);
        return wrap(
          0,
          `${this.expression(e.condition, ranges, 2)} ? ${this.expression(e.a, taken, 1)} : ${this.expression(e.b, ranges, 1)}`,
        );
      }
      case "cast":
        return this.cast(e, ranges, level);
      case "reduce":
        throw new InternalError(`kernel ${this.kernel.name} is printed before it is scheduled`);
      default:
        return e satisfies never;
    }
  }

  private cast(e: Extract<Expr, { kind: "cast" }>, ranges: RangeContext, level: number): string {
    const wrap = (own: number, text: string): string => (own < level ? `(${text})` : text);
    const a = (own: number): string => this.expression(e.a, ranges, own);
    const from = e.a.dtype;
    switch (e.dtype) {
      case "uint32":
        return wrap(1, `${a(6)} | 0`);
      case "float32":
        if (isWhole(e.a)) return this.float(e.a, ranges, level);
        return from === "bool" ? wrap(0, `${a(2)} ? 1 : 0`) : a(level);
      case "bool":
        return from === "bool" ? a(level) : wrap(3, `${a(4)} !== 0`);
      case "int32":
        if (from === "bool") return wrap(0, `${a(2)} ? 1 : 0`);
        if (!isFloat(from)) return a(level);
        return wrap(1, `Math.max(-2147483648, Math.min(2147483647, ${a(0)})) | 0`);
      case "uint8":
        if (from === "bool") return wrap(0, `${a(2)} ? 1 : 0`);
        return isFloat(from) ? `Math.trunc(${a(0)})` : a(level);
      default:
        return e.dtype satisfies never;
    }
  }

  /** An integer as a float: those of up to 24 bits are floats already. */
  private float(e: Expr, ranges: RangeContext, level: number): string {
    const { low, high } = ranges.rangeOf(e);
    const isExact = low >= -EXACT_WHOLE && high <= EXACT_WHOLE;
    const own = isExact ? level : 0;
    const text = e.dtype === "uint32" ? this.unsigned(e, ranges, own) : this.expression(e, ranges, own);
    return isExact ? text : fround(text);
  }

  /** An operation before its result is rounded. */
  private unrounded(e: Expr, ranges: RangeContext, level: number): string {
    if (e.kind === "unary") return this.unary(e, ranges, level);
    if (e.kind === "binary") return this.binary(e, ranges, level);
    return e.kind === "local" ? e.name : this.expression(e, ranges, level);
  }

  private unary(e: Extract<Expr, { kind: "unary" }>, ranges: RangeContext, level: number): string {
    const a = this.expression(e.a, ranges, 0);
    if (isElementary(e.op)) return `Math.${e.op}(${a})`;
    switch (e.op) {
      case "neg":
        return level > 5 ? `(-(${a}))` : `-(${a})`;
      case "not":
        return `!(${a})`;
      case "isnan":
        return `Number.isNaN(${a})`;
      case "sqrt":
      case "abs":
      case "floor":
      case "ceil":
      case "trunc":
        return `Math.${e.op}(${a})`;
      case "round":
        // Above 2⁵² a double has no fraction left; what is added cancels again, at any size.
        return `(${this.expression(e.a, ranges, 4)} + ${ROUNDER} - ${ROUNDER})`;
      case "sign":
        // NaN and -0 have the sign 0.
        return `(Math.sign(${a}) || 0)`;
      default:
        return e.op satisfies never;
    }
  }

  private binary(e: Extract<Expr, { kind: "binary" }>, ranges: RangeContext, level: number): string {
    const joins = e.op === "add" || e.op === "sub";
    const part = (operand: Expr, own: number): string =>
      joins && this.sums.isOpen(operand) ? operand.name : this.expression(operand, ranges, own);
    const infix = (sign: string, own: number): string => {
      const text = `${part(e.a, own)} ${sign} ${part(e.b, own + 1)}`;
      return own < level ? `(${text})` : text;
    };
    const call = (name: string): string =>
      `Math.${name}(${this.expression(e.a, ranges, 0)}, ${this.expression(e.b, ranges, 0)})`;
    if (e.dtype === "uint32") return this.word(e, ranges, level);
    switch (e.op) {
      case "add":
        return infix("+", 4);
      case "sub":
        return infix("-", 4);
      case "mul":
        return infix("*", 5);
      case "and":
        return infix("&&", 2);
      case "or":
        return infix("||", 2);
      case "div": {
        if (isFloat(e.dtype)) return infix("/", 5);
        const quotient = `${this.expression(e.a, ranges, 5)} / ${this.expression(e.b, ranges, 6)}`;
        return ranges.rangeOf(e.a).low >= 0 ? `(${quotient} | 0)` : `Math.floor(${quotient})`;
      }
      case "mod": {
        if (ranges.rangeOf(e.a).low >= 0) return infix("%", 5);
        const divisor = this.expression(e.b, ranges, 6);
        return `((${this.expression(e.a, ranges, 5)} % ${divisor} + ${divisor}) % ${divisor})`;
      }
      case "fmod": {
        const text = infix("%", 5);
        return isFloat(e.dtype) ? text : `(${text} | 0)`;
      }
      case "max":
      case "min":
      case "pow":
      case "atan2":
        return call(e.op);
      case "xor":
      case "bitand":
      case "shr":
        throw new InternalError(`${e.op} is an operator of words, not of ${e.dtype}`);
      default:
        return e.op satisfies never;
    }
  }

  /** Arithmetic modulo 2³²: whatever the operands' signs, `|`, `^`, `&` and `Math.imul` give the right bits. */
  private word(e: Extract<Expr, { kind: "binary" }>, ranges: RangeContext, level: number): string {
    const [a, b] = [e.a, e.b].map((operand) => this.expression(operand, ranges, 6));
    const wrap = (own: number, text: string): string => (own < level ? `(${text})` : text);
    switch (e.op) {
      case "add":
        return wrap(1, `${a} + ${b} | 0`);
      case "sub":
        return wrap(1, `${a} - ${b} | 0`);
      case "mul":
        return `Math.imul(${a}, ${b})`;
      case "xor":
        return wrap(1, `${a} ^ ${b}`);
      case "bitand":
        return wrap(1, `${a} & ${b}`);
      case "shr":
        return wrap(SHIFT, `${a} >>> ${b}`);
      default:
        throw new InternalError(`${e.op} is no operator of words`);
    }
  }
}
