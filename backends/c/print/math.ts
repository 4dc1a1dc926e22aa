/**
 * The elementary functions as C, from the formulas that all backends with lanes share: those that training calls for every
 * element in single precision, the others by way of two vectors of doubles.
 */

import { invariant } from "../../../src/core/errors.ts";
import { FORMULAS, isBinary, isSingle, type MathFunction, SINGLE } from "../../wasm/math/functions.ts";
import { doubleLiteral, floatLiteral, nameOf } from "./spelling.ts";

export type { MathFunction };

/** The name of the form for all lanes, and for a single number. */
export const vectorMath = (name: MathFunction): string => `math_${name}_v`;
export const scalarMath = (name: MathFunction): string => `math_${name}_f`;

/** A value of a formula: a C expression, and the factors where it is a product that a sum may round with itself. */
interface Value {
  readonly text: string;
  /** Whether it says for each lane whether something holds. */
  readonly isMask?: boolean;
  readonly factors?: readonly [string, string];
}

const value = (text: string): Value => ({ text });

/** Added to a number below 2²², leaves its nearest integer in the lowest bits of the sum; of a double, below 2⁵¹. */
const FLOAT_ROUNDER = 1.5 * 2 ** 23;
const DOUBLE_ROUNDER = 1.5 * 2 ** 52;

/** What both precisions have in common; values that are used more than once become variables. */
abstract class Arithmetic {
  readonly lines: string[] = [];
  private readonly names = new Set<string>();
  protected abstract readonly type: string;
  protected abstract readonly masks: string;
  abstract constant(value: number): Value;

  name(name: string, { text, isMask = false }: Value): Value {
    invariant(!this.names.has(name), `${name} is named twice`);
    this.names.add(name);
    this.declare(isMask ? this.masks : this.type, nameOf(name), text);
    return { text: nameOf(name), isMask };
  }

  protected declare(type: string, name: string, text: string): void {
    this.lines.push(`const ${type} ${name} = ${text};`);
  }

  add = (a: Value, b: Value): Value => value(`(${a.text} + ${b.text})`);
  sub = (a: Value, b: Value): Value => value(`(${a.text} - ${b.text})`);
  mul = (a: Value, b: Value): Value => ({ text: `(${a.text} * ${b.text})`, factors: [a.text, b.text] });
  div = (a: Value, b: Value): Value => value(`(${a.text} / ${b.text})`);

  protected compared = (a: Value, sign: string, b: Value): Value => ({
    text: `(${this.masks})(${a.text} ${sign} ${b.text})`,
    isMask: true,
  });
}

/** Arithmetic on floats in all lanes. */
class Floats extends Arithmetic {
  protected readonly type = "floats";
  protected readonly masks = "ints";

  constant = (number: number): Value => value(`all_f(${floatLiteral(Math.fround(number))})`);

  override add = (a: Value, b: Value): Value => {
    const [product, rest] = b.factors ? [b, a] : [a, b];
    return value(
      product.factors ? `fused_v(${product.factors.join(", ")}, ${rest.text})` : `(${a.text} + ${b.text})`,
    );
  };
  abs = (a: Value): Value => value(`abs_v(${a.text})`);
  lt = (a: Value, b: Value): Value => this.compared(a, "<", b);
  gt = (a: Value, b: Value): Value => this.compared(a, ">", b);
  eq = (a: Value, b: Value): Value => this.compared(a, "==", b);
  atMost = (a: Value, limit: number): Value => value(`at_most_v(${a.text}, ${this.constant(limit).text})`);
  select = (condition: Value, a: Value, b: Value): Value =>
    value(`choose_f(${condition.text}, ${a.text}, ${b.text})`);
  atLeast = (a: Value, limit: number): Value => value(`at_least_v(${a.text}, ${this.constant(limit).text})`);
  when = (condition: Value, a: Value): Value => value(`(floats)((ints)${a.text} & ${condition.text})`);
  unless = (condition: Value, a: Value): Value => value(`(floats)((ints)${a.text} & ~${condition.text})`);
  withSign = (a: Value, b: Value): Value => value(`with_sign_v(${a.text}, ${b.text})`);

  nearestPower(name: string, a: Value, limit: number) {
    const rounder = this.constant(FLOAT_ROUNDER);
    const shifted = this.name(`${name}_bits`, this.atMost(this.add(a, rounder), FLOAT_ROUNDER + limit));
    return {
      integer: this.name(name, this.sub(shifted, rounder)),
      power: value(`(floats)(((ints)${shifted.text} << 23) + 0x3f800000)`),
    };
  }

  exponentOf(name: string, a: Value) {
    this.lines.push(
      `const ints ${name} = ((ints)${a.text} - 0x3f3504f3) >> 23, ${name}_place = ${name} << 23;`,
    );
    return { exponent: value(`from_i_f(${name})`), place: value(`${name}_place`) };
  }
  over = (a: Value, place: Value): Value => value(`(floats)((ints)${a.text} - ${place.text})`);
  inverse = (place: Value): Value => value(`inverse_v(${place.text})`);

  polynomial(coefficients: readonly number[], powers: readonly Value[]): Value {
    let terms = coefficients.map(this.constant);
    for (const power of powers) {
      const odd = terms.filter((_, k) => k % 2 === 1);
      terms = terms
        .filter((_, k) => k % 2 === 0)
        .map((even, k) => (odd[k] === undefined ? even : this.add(even, this.mul(odd[k], power))));
    }
    invariant(terms.length === 1, "powers enough for the polynomial");
    return terms[0];
  }
}

/** Arithmetic on doubles in half of the lanes. */
class Doubles extends Arithmetic {
  protected readonly type = "doubles";
  protected readonly masks = "longs";

  constant = (number: number): Value => value(`all_d(${doubleLiteral(number)})`);

  do(op: string, ...operands: readonly Value[]): Value {
    const [a, b] = operands;
    switch (op) {
      case "add":
        return this.add(a, b);
      case "sub":
        return this.sub(a, b);
      case "mul":
        return this.mul(a, b);
      case "div":
        return this.div(a, b);
      case "neg":
        return value(`(-${a.text})`);
      default:
        return value(`${op}_d(${operands.map(({ text }) => text).join(", ")})`);
    }
  }

  is(op: "eq" | "ne" | "lt" | "gt" | "le" | "ge", a: Value, b: Value): Value {
    return this.compared(a, { eq: "==", ne: "!=", lt: "<", gt: ">", le: "<=", ge: ">=" }[op], b);
  }

  both = (a: Value, b: Value): Value => ({ text: `(${a.text} & ${b.text})`, isMask: true });
  select = (condition: Value, a: Value, b: Value): Value =>
    value(`choose_d(${condition.text}, ${a.text}, ${b.text})`);
  withSign = (a: Value, b: Value): Value => value(`with_sign_d(${a.text}, ${b.text})`);

  /** Variables that are given values under a condition; they are seen behind it, too. */
  private conditional: string[] | undefined;

  protected override declare(type: string, name: string, text: string): void {
    if (this.conditional === undefined) super.declare(type, name, text);
    else {
      this.conditional.push(`${type} ${name} = {0};`);
      this.lines.push(`  ${name} = ${text};`);
    }
  }

  /** All lanes take the long way where one of them has to; none is changed by it that need not. */
  unlessRare(name: string, condition: Value, usual: Value, rare: () => Value): Value {
    const holds = `${name}_is_rare`;
    this.lines.push(`const longs ${holds} = ${condition.text};`, `doubles ${name} = ${usual.text};`);
    const before = this.lines.length;
    this.conditional = [];
    const result = rare();
    this.lines.splice(before, 0, ...this.conditional, `if (any_l(${holds})) {`);
    this.conditional = undefined;
    this.lines.push(`  ${name} = choose_d(${holds}, ${result.text}, ${name});`, "}");
    return value(name);
  }

  nearestPower(name: string, a: Value): { readonly integer: Value; readonly power: Value } {
    const rounder = this.constant(DOUBLE_ROUNDER);
    const shifted = this.name(`${name}_bits`, this.add(a, rounder));
    const integer = this.name(name, this.sub(shifted, rounder));
    const one = this.constant(1).text;
    return { integer, power: value(`(doubles)(((longs)${shifted.text} << 52) + (longs)${one})`) };
  }

  split(name: string, a: Value): { readonly exponent: Value; readonly fraction: Value } {
    const start = `(longs)${this.constant(Math.SQRT1_2).text}`;
    const exponent = `${name}_exponent`;
    this.declare("longs", exponent, `((longs)${a.text} - ${start}) >> 52`);
    const rounder = this.constant(DOUBLE_ROUNDER);
    return {
      exponent: value(`((doubles)(${exponent} + (longs)${rounder.text}) - ${rounder.text})`),
      fraction: value(`(doubles)((longs)${a.text} - (${exponent} << 52))`),
    };
  }

  polynomial(coefficients: readonly number[], x: Value): Value {
    return [...coefficients]
      .reverse()
      .map((c) => this.constant(c))
      .reduce((sum, c) => this.add(this.mul(sum, x), c));
  }
}

/** The C functions of the elementary functions in `used`, in an order that does not depend on who asked first. */
export function printMath(used: Iterable<MathFunction>): string {
  return [...new Set(used)].sort().map(printOne).join("\n");
}

function printOne(name: MathFunction): string {
  const parameters = isBinary(name) ? ["a", "b"] : ["a"];
  const declared = (type: string): string => parameters.map((p) => `${type} ${p}`).join(", ");
  const single = [
    `static float ${scalarMath(name)}(${declared("float")}) {`,
    `  return ${vectorMath(name)}(${parameters.map((p) => `all_f(${p})`).join(", ")})[0];`,
    "}",
  ];
  const isUnused = "__attribute__((unused)) ";
  if (isSingle(name)) {
    const m = new Floats();
    const result = SINGLE[name](m as never, value("a") as never) as unknown as Value;
    return [
      `${isUnused}static floats ${vectorMath(name)}(${declared("floats")}) {`,
      ...m.lines.map((line) => `  ${line}`),
      `  return ${result.text};`,
      "}",
      `${isUnused}${single[0]}`,
      ...single.slice(1),
    ].join("\n");
  }
  const m = new Doubles();
  const [a, b] = parameters.map(value);
  const result = FORMULAS[name](m as never, a as never, b as never) as unknown as Value;
  const half = (k: number): string =>
    `math_${name}_d(${parameters.map((p) => `widened(${p}, ${k})`).join(", ")})`;
  return [
    `static doubles math_${name}_d(${declared("doubles")}) {`,
    ...m.lines.map((line) => `  ${line}`),
    `  return ${result.text};`,
    "}",
    `${isUnused}static floats ${vectorMath(name)}(${declared("floats")}) {`,
    `  return narrowed(${half(0)}, ${half(1)});`,
    "}",
    `${isUnused}${single[0]}`,
    ...single.slice(1),
  ].join("\n");
}
