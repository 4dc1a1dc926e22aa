/**
 * Prints expressions in the language of gpu.js. All numbers are 32-bit floats there, booleans cannot be stored in
 * variables, and a `select` becomes an `if`, so that no thread ever reads outside of a buffer.
 */

import { isFloat, kindOf } from "../../src/core/dtype.ts";
import { InternalError, KilnError } from "../../src/core/errors.ts";
import { EXACT_WHOLE, isRounded, type Sums, sumsOf } from "../../src/loop/single-precision.ts";
import type { CompareOp, Expr, Kernel } from "../../src/loop/types.ts";
import { isIndex } from "../../src/loop/typing.ts";
import type { Emitter } from "./emitter.ts";
import { expm1, log1p, power, powerOf, remainder, round, sign, tanh, truncate } from "./functions.ts";
import { WordPrinter } from "./print-words.ts";
import { atan2, FUNCTIONS, wave } from "./trigonometry.ts";

const COMPARE: Record<CompareOp, string> = { lt: "<", le: "<=", gt: ">", ge: ">=", eq: "===", ne: "!==" };

/** Puts parentheses around a text that binds less strongly than its surroundings: 4 sum, 5 product, 6 all else. */
type Wrap = (own: number, text: string) => string;

export class ExpressionPrinter {
  readonly words: WordPrinter;
  private readonly kernel: Kernel;
  private readonly out: Emitter;
  /** The sums that accumulate in double precision, in a mode that has it; absent if all numbers are 32-bit floats. */
  private readonly sums: Sums | undefined;

  /** `isDouble` if the mode computes in double precision, so that results have to be rounded. */
  constructor(kernel: Kernel, out: Emitter, isDouble: boolean) {
    this.kernel = kernel;
    this.out = out;
    this.sums = isDouble ? sumsOf(kernel) : undefined;
    this.words = new WordPrinter(out, this);
  }

  /** A value as a number, booleans as 0 or 1; `level` is the binding strength of its surroundings. */
  number(e: Expr, level: number): string {
    const wrap: Wrap = (own, text) => (own < level ? `(${text})` : text);
    switch (e.kind) {
      case "const":
        return literal(this.sums && isFloat(e.dtype) ? Math.fround(e.value) : e.value, isFloat(e.dtype));
      case "var":
        return this.out.local(e.name);
      case "local": {
        const whole = isIndex(e) ? this.words.wholeLocal(e.name) : undefined;
        if (whole !== undefined) return whole;
        const name = this.out.local(e.name);
        return this.sums?.has(e.name) ? fround(name) : name;
      }
      case "scalar": {
        const name = this.out.argument({ kind: "scalar", name: e.name, part: "value" });
        return this.sums && isFloat(e.dtype) ? fround(name) : name;
      }
      case "load":
        return this.load(e);
      case "unary":
      case "binary":
        if (e.dtype === "bool") return this.truth(e);
        return this.sums && isRounded(e) ? fround(this.operation(e, bare)) : this.operation(e, wrap);
      case "compare":
        return this.truth(e);
      case "select":
        return this.select(e);
      case "cast":
        return this.cast(e, wrap, level);
      case "reduce":
        throw new InternalError(`kernel ${this.kernel.name} is printed before it is scheduled`);
      default:
        return e satisfies never;
    }
  }

  /** The new value of an accumulator: in double precision a sum of products is not rounded before its end. */
  accumulated(name: string, value: Expr): string {
    return this.sums?.has(name) ? this.sum(value, 0) : this.number(value, 0);
  }

  private sum(e: Expr, level: number): string {
    const wrap: Wrap = (own, text) => (own < level ? `(${text})` : text);
    if (e.kind === "local") return this.out.local(e.name);
    if (e.kind === "select") return this.select(e, (value) => this.sum(value, 0));
    if (e.kind !== "binary") return this.number(e, level);
    switch (e.op) {
      case "add":
      case "sub": {
        const a = this.sum(e.a, 4);
        return wrap(4, `${a} ${e.op === "add" ? "+" : "-"} ${this.sum(e.b, 5)}`);
      }
      case "mul":
        return this.binary(e, wrap);
      default:
        return this.number(e, level);
    }
  }

  private operation(e: Extract<Expr, { kind: "unary" | "binary" }>, wrap: Wrap): string {
    if (e.kind === "unary") return this.unary(e, wrap);
    const isSum = e.op === "add" || e.op === "sub" || e.op === "mul";
    return isSum ? this.whole(e, this.binary(e, wrap)) : this.binary(e, wrap);
  }

  /** A boolean as a condition, which cannot be stored in a variable in some modes. */
  condition(e: Expr): string {
    if (e.kind === "compare") {
      if (e.a.dtype === "uint32") return this.words.condition(e.op, e.a, e.b);
      const a = this.number(e.a, 4);
      return `${a} ${COMPARE[e.op]} ${this.number(e.b, 4)}`;
    }
    if (e.kind === "binary" && (e.op === "and" || e.op === "or")) {
      const a = this.condition(e.a);
      return `(${a}) ${e.op === "and" ? "&&" : "||"} (${this.condition(e.b)})`;
    }
    if (e.kind === "unary" && e.op === "not") return `${this.number(e.a, 4)} < 0.5`;
    if (e.kind === "unary" && e.op === "isnan") {
      const value = this.out.constant("value", this.number(e.a, 0));
      return `${value} !== ${value}`;
    }
    if (e.kind === "cast" && e.a.dtype !== "bool") return `${this.number(e.a, 4)} !== 0.0`;
    return `${this.number(e, 4)} > 0.5`;
  }

  /** A boolean in a variable, as 0 or 1. */
  truth(e: Expr, name = this.out.fresh("is")): string {
    const condition = this.condition(e);
    this.out.emit(`let ${name} = 0.0;`);
    this.out.emit(`if (${condition}) { ${name} = 1.0; }`);
    return name;
  }

  private load(e: Extract<Expr, { kind: "load" }>): string {
    const index = this.number(e.index, 0);
    // A read within an index of a read is miscompiled by some drivers, and numbers in an index are integers, which
    // functions of floats do not accept: both get a name first.
    const at = /\[|Math\./.test(index) ? this.out.constant("at", index) : index;
    const text = `${this.out.argument({ kind: "buffer", name: e.buffer })}[${at}]`;
    if (kindOf(e.dtype) === "bool") {
      const truth = this.out.constant("truth", text);
      this.out.goesBeyondWhere(`${truth} > 1.5`);
      return truth;
    }
    if (!isIndex(e)) return text;
    const { low, high } = this.out.ranges.rangeOf(e);
    if (low > -EXACT_WHOLE && high < EXACT_WHOLE) return `Math.floor(${text})`;
    // Another kernel may have met a number that it could not hold; here such a value is not an integer.
    const whole = this.out.constant("whole", `Math.floor(${text})`);
    this.out.goesBeyondWhere(`Math.abs(${whole}) > ${literal(2 * EXACT_WHOLE, true)}`);
    return whole;
  }

  /** A sum or product of integers, which may be larger than floats hold unless it is known not to be. */
  private whole(e: Expr, text: string): string {
    const { low, high } = this.out.ranges.rangeOf(e);
    if (!isIndex(e) || (low > -EXACT_WHOLE && high < EXACT_WHOLE)) return text;
    const name = this.out.constant("whole", text);
    this.out.goesBeyondWhere(`Math.abs(${name}) >= ${literal(EXACT_WHOLE, true)}`);
    return name;
  }

  private select(
    e: Extract<Expr, { kind: "select" }>,
    print = (value: Expr): string => this.number(value, 0),
  ): string {
    const { out } = this;
    const condition = this.condition(e.condition);
    const name = out.fresh("chosen");
    const assign = (value: Expr) => (): void => {
      const text = print(value);
      out.emit(`${name} = ${text};`);
    };
    const start = isReady(e.b) ? print(e.b) : "0.0";
    out.emit(`let ${name} = ${start};`);
    out.block(`if (${condition}) {`, () => {
      out.ranges = out.ranges.withCondition(e.condition);
      assign(e.a)();
    });
    if (!isReady(e.b)) out.otherwise(assign(e.b));
    return name;
  }

  /** Whether an integer comes from a word and may be larger than floats hold: other words use that word directly. */
  keepsWord(e: Expr): e is Extract<Expr, { kind: "cast" }> {
    return (
      e.kind === "cast" &&
      isIndex(e) &&
      e.a.dtype === "uint32" &&
      this.out.ranges.rangeOf(e.a).high >= EXACT_WHOLE
    );
  }

  private cast(e: Extract<Expr, { kind: "cast" }>, wrap: Wrap, level: number): string {
    const from = e.a.dtype;
    if (from === "uint32") {
      if (!isFloat(e.dtype) && this.out.ranges.rangeOf(e.a).high >= EXACT_WHOLE)
        return this.words.wholeNumber(e.a);
      const text = this.words.number(e.a);
      const isExact = !isFloat(e.dtype) || this.out.ranges.rangeOf(e.a).high <= EXACT_WHOLE;
      return this.sums && !isExact ? fround(text) : wrap(4, text);
    }
    switch (e.dtype) {
      case "bool":
        return this.truth(e);
      case "float32":
        return this.number(e.a, level);
      case "int32":
      case "uint32":
      case "uint8":
        if (!isFloat(from)) return this.number(e.a, level);
        return truncate(this.out, this.out.constant("value", this.number(e.a, 0)));
      default:
        return e.dtype satisfies never;
    }
  }

  private inexact(what: string): never {
    const { name, ops, origins } = this.kernel;
    throw new KilnError(
      `gpujs kernels count in 32-bit floats and cannot compute ${what} exactly, which kernel ${name} (${ops.join(", ")}) needs; use the js backend`,
      origins,
    );
  }

  private unary(e: Extract<Expr, { kind: "unary" }>, wrap: Wrap): string {
    const named = (): string => this.out.constant("value", this.number(e.a, 0));
    switch (e.op) {
      case "neg":
        return wrap(5, `-1.0 * ${this.number(e.a, 6)}`);
      case "exp":
      case "log":
      case "sqrt":
      case "abs":
        return `Math.${e.op}(${this.number(e.a, 0)})`;
      case "expm1":
        return expm1(this.out, named());
      case "log1p":
        return log1p(this.out, named());
      case "tanh":
        return tanh(this.out, named());
      case "sin":
      case "cos":
        return wave(this.out, named(), e.op);
      case "tan":
      case "asin":
      case "acos":
      case "atan":
      case "sinh":
      case "cosh":
      case "asinh":
      case "acosh":
      case "atanh":
        return FUNCTIONS[e.op](this.out, named());
      case "floor":
      case "ceil":
        return `Math.${e.op}(${this.number(e.a, 0)})`;
      case "trunc":
        return truncate(this.out, named());
      case "round":
        return round(this.out, named());
      case "sign":
        return sign(this.out, named());
      case "not":
      case "isnan":
        return this.truth(e);
      default:
        return e.op satisfies never;
    }
  }

  private binary(e: Extract<Expr, { kind: "binary" }>, wrap: Wrap): string {
    const joins = e.op === "add" || e.op === "sub";
    const part = (operand: Expr, own: number): string =>
      joins && this.sums?.isOpen(operand) ? this.out.local(operand.name) : this.number(operand, own);
    const infix = (sign: string, own: number, right = e.b): string => {
      const a = part(e.a, own);
      return wrap(own, `${a} ${sign} ${part(right, own + 1)}`);
    };
    switch (e.op) {
      case "add": {
        const less = negated(e.b);
        return less === undefined ? infix("+", 4) : infix("-", 4, less);
      }
      case "sub":
        return infix("-", 4);
      case "mul":
        return infix("*", 5);
      case "div":
        return isFloat(e.dtype) ? infix("/", 5) : this.quotient(e.a, e.b, wrap);
      case "mod":
        return this.remainder(e.a, e.b, wrap);
      case "max":
      case "min": {
        const a = this.number(e.a, 0);
        return `Math.${e.op}(${a}, ${this.number(e.b, 0)})`;
      }
      case "pow":
        return this.power(e.a, e.b, wrap);
      case "atan2":
      case "fmod": {
        const a = this.out.constant("value", this.number(e.a, 0));
        const b = this.out.constant("other", this.number(e.b, 0));
        return e.op === "atan2" ? atan2(this.out, a, b) : remainder(this.out, a, b);
      }
      case "and":
      case "or":
      case "xor":
      case "bitand":
      case "shr":
        throw new InternalError(`${e.op} gives no number`);
      default:
        return e.op satisfies never;
    }
  }

  private power(a: Expr, b: Expr, wrap: Wrap): string {
    const base = this.out.constant("base", this.number(a, 0));
    if (b.kind === "const") {
      const products = powerOf(this.out, base, b.value);
      if (products !== undefined) return wrap(4, products);
    }
    return power(this.out, base, this.out.constant("exponent", this.number(b, 0)));
  }

  /** Floor division of integers. */
  private quotient(a: Expr, b: Expr, wrap: Wrap): string {
    const { text, iterations } = this.lifted(a, b);
    const quotient = `Math.floor(${text} / ${this.number(b, 6)})`;
    return iterations === 0 ? quotient : wrap(4, `${quotient} - ${iterations}`);
  }

  private remainder(a: Expr, b: Expr, wrap: Wrap): string {
    if (isFloat(a.dtype)) {
      const x = this.out.constant("value", this.number(a, 0));
      const y = this.out.constant("divisor", this.number(b, 0));
      return wrap(4, `${x} - ${y} * Math.floor(${x} / ${y})`);
    }
    return wrap(5, `${this.lifted(a, b).text} % ${this.number(b, 6)}`);
  }

  /** A dividend increased by a multiple of the divisor until it cannot be negative: then division is exact. */
  private lifted(a: Expr, b: Expr): { readonly text: string; readonly iterations: number } {
    const { low } = this.out.ranges.rangeOf(a);
    if (low >= 0) return { text: this.number(a, 5), iterations: 0 };
    if (b.kind !== "const" || !Number.isFinite(low))
      return this.inexact("quotients of numbers that may be negative");
    const iterations = Math.ceil(-low / b.value);
    return { text: `(${this.number(a, 4)} + ${iterations * b.value})`, iterations };
  }
}

const fround = (text: string): string => `Math.fround(${text})`;

/** Within the parentheses of a call nothing needs parentheses of its own. */
const bare: Wrap = (_, text) => text;

/** Whether a value may be printed before it is known to be needed: a number, or a float that has a name. */
const isReady = (e: Expr): boolean => e.kind === "const" || (e.kind === "local" && isFloat(e.dtype));

/** What to subtract instead of adding a negative integer, or a negative multiple of one. */
function negated(e: Expr): Expr | undefined {
  if (isIndex(e) && e.kind === "const" && e.value < 0) return { ...e, value: -e.value };
  if (!isIndex(e) || e.kind !== "binary" || e.op !== "mul") return undefined;
  if (e.b.kind !== "const" || e.b.value >= 0) return undefined;
  return e.b.value === -1 ? e.a : { ...e, b: { ...e.b, value: -e.b.value } };
}

/** Shading languages reject NaN if they can see it: here they cannot. */
export const NOT_A_NUMBER = "Math.sqrt(-1.0 - this.thread.x)";

/** A number in the kernel language: floats with a point or an exponent, none that no 32-bit float holds. */
function literal(value: number, isFloat: boolean): string {
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  const single = isFloat ? Math.fround(value) : value;
  if (!Number.isFinite(single)) return single > 0 ? "Infinity" : "(-1.0 * Infinity)";
  const text = Object.is(single, -0) ? "-0" : String(single === 0 ? 0 : value);
  const spelled = isFloat && /^-?\d+$/.test(text) ? `${text}.0` : text;
  return text.startsWith("-") ? `(${spelled})` : spelled;
}
