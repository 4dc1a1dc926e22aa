/**
 * The elementary functions as C, from the formulas that all backends with lanes share: those that training calls for
 * every element in single precision, the others with two vectors of doubles.
 */

import { invariant } from "../../../src/core/errors.ts";
import { FORMULAS, isBinary, isSingle, type MathFunction, SINGLE } from "../../wasm/math/functions.ts";
import { doubleLiteral, floatLiteral, nameOf } from "./spelling.ts";

export type { MathFunction };

/** The name of the form for all lanes, and for a single number. */
export const vectorMath = (name: MathFunction): string => `math_${name}_v`;
export const scalarMath = (name: MathFunction): string => `math_${name}_f`;

/** A value of a formula: a C expression, and the factors if it is a product that may be fused into a sum. */
interface Value {
  readonly text: string;
  /** Whether it is a condition for each lane. */
  readonly isMask?: boolean;
  readonly factors?: readonly [string, string];
}

const value = (text: string): Value => ({ text });

/**
 * The types of the values of formulas: all lanes in the compilers'
 * vector types, or single values if there are no lanes.
 */
interface Types {
  readonly floats: string;
  readonly ints: string;
  readonly doubles: string;
  readonly longs: string;
  /** A constant in every lane. */
  readonly all: (suffix: "f" | "d", literal: string) => string;
}

const IN_LANES: Types = {
  ...{ floats: "floats", ints: "ints", doubles: "doubles", longs: "longs" },
  all: (suffix, literal) => `all_${suffix}(${literal})`,
};

const ALONE: Types = {
  ...{ floats: "float", ints: "int32_t", doubles: "double", longs: "int64_t" },
  all: (_, literal) => literal,
};

/** Added to a number below 2²², leaves its nearest integer in the lowest bits of the sum; of a double, below 2⁵¹. */
const FLOAT_ROUNDER = 1.5 * 2 ** 23;
const DOUBLE_ROUNDER = 1.5 * 2 ** 52;

/** What both precisions have in common; values that are used more than once become variables. */
abstract class Arithmetic {
  readonly lines: string[] = [];
  private readonly names = new Set<string>();
  protected readonly types: Types;
  protected abstract readonly type: string;
  protected abstract readonly masks: string;
  protected abstract readonly mask: string;

  constructor(types: Types) {
    this.types = types;
  }

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
    text: `${this.mask}(${a.text} ${sign} ${b.text})`,
    isMask: true,
  });
}

/** Arithmetic on floats in all lanes. */
class Floats extends Arithmetic {
  protected readonly type = this.types.floats;
  protected readonly masks = this.types.ints;
  protected readonly mask = "MASK";

  constant = (number: number): Value => value(this.types.all("f", floatLiteral(Math.fround(number))));

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
  when = (condition: Value, a: Value): Value => value(`float_v(bits_v(${a.text}) & ${condition.text})`);
  unless = (condition: Value, a: Value): Value => value(`float_v(bits_v(${a.text}) & ~${condition.text})`);
  withSign = (a: Value, b: Value): Value => value(`with_sign_v(${a.text}, ${b.text})`);

  nearestPower(name: string, a: Value, limit: number) {
    const rounder = this.constant(FLOAT_ROUNDER);
    const shifted = this.name(`${name}_bits`, this.atMost(this.add(a, rounder), FLOAT_ROUNDER + limit));
    return {
      integer: this.name(name, this.sub(shifted, rounder)),
      power: value(`power_v(${shifted.text})`),
    };
  }

  exponentOf(name: string, a: Value) {
    this.declare(this.masks, name, `exponent_v(${a.text})`);
    this.declare(this.masks, `${name}_place`, `place_v(${name})`);
    return { exponent: value(`from_i_f(${name})`), place: value(`${name}_place`) };
  }
  over = (a: Value, place: Value): Value => value(`over_v(${a.text}, ${place.text})`);
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
  protected readonly type = this.types.doubles;
  protected readonly masks = this.types.longs;
  protected readonly mask = "MASK_OF_DOUBLES";

  constant = (number: number): Value => value(this.types.all("d", doubleLiteral(number)));

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

  /** Variables that are assigned under a condition and visible after it. */
  private conditional: string[] | undefined;

  protected override declare(type: string, name: string, text: string): void {
    if (this.conditional === undefined) super.declare(type, name, text);
    else {
      this.conditional.push(`${type} ${name} = {0};`);
      this.lines.push(`  ${name} = ${text};`);
    }
  }

  /** All lanes take the slow path if one of them has to; lanes that do not need it keep their values. */
  unlessRare(name: string, condition: Value, usual: Value, rare: () => Value): Value {
    const holds = `${name}_is_rare`;
    const { longs, doubles } = this.types;
    this.lines.push(`const ${longs} ${holds} = ${condition.text};`, `${doubles} ${name} = ${usual.text};`);
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
    return { integer, power: value(`power_d(${shifted.text})`) };
  }

  split(name: string, a: Value): { readonly exponent: Value; readonly fraction: Value } {
    const exponent = `${name}_exponent`;
    this.declare(this.types.longs, exponent, `exponent_d(${a.text})`);
    return { exponent: value(`number_d(${exponent})`), fraction: value(`over_d(${a.text}, ${exponent})`) };
  }

  polynomial(coefficients: readonly number[], x: Value): Value {
    return [...coefficients]
      .reverse()
      .map((c) => this.constant(c))
      .reduce((sum, c) => this.add(this.mul(sum, x), c));
  }
}

/** The C functions of the elementary functions in `used`, in an order that does not depend on the order of use. */
export const printMath = (used: Iterable<MathFunction>, lanes: number): readonly string[] =>
  [...new Set(used)].sort().flatMap((name) => (lanes === 1 ? printAlone(name) : printInLanes(name)));

const parametersOf = (name: MathFunction): readonly string[] => (isBinary(name) ? ["a", "b"] : ["a"]);

const declared = (name: MathFunction, type: string): string =>
  parametersOf(name)
    .map((parameter) => `${type} ${parameter}`)
    .join(", ");

/**
 * The form for all lanes with its helpers, and the form for a single number: one lane of it, so that bits are the same.
 */
function printInLanes(name: MathFunction): readonly string[] {
  const parameters = parametersOf(name);
  const single = define(`float ${scalarMath(name)}(${declared(name, "float")})`, [
    `return ${vectorMath(name)}(${parameters.map((p) => `all_f(${p})`).join(", ")})[0];`,
  ]);
  const head = `floats ${vectorMath(name)}(${declared(name, "floats")})`;
  if (isSingle(name)) return [define(head, inFloats(name, IN_LANES)), single];
  const half = (k: number): string =>
    `math_${name}_d(${parameters.map((p) => `widened(${p}, ${k})`).join(", ")})`;
  return [
    define(`doubles math_${name}_d(${declared(name, "doubles")})`, inDoubles(name, IN_LANES)),
    define(head, [`return narrowed(${half(0)}, ${half(1)});`]),
    single,
  ];
}

/** The form for a single number if there are no lanes. */
function printAlone(name: MathFunction): readonly string[] {
  const head = `float ${scalarMath(name)}(${declared(name, "float")})`;
  if (isSingle(name)) return [define(head, inFloats(name, ALONE))];
  return [
    define(`double math_${name}_d(${declared(name, "double")})`, inDoubles(name, ALONE)),
    define(head, [
      `return (float)math_${name}_d(${parametersOf(name)
        .map((p) => `(double)${p}`)
        .join(", ")});`,
    ]),
  ];
}

function inFloats(name: keyof typeof SINGLE, types: Types): readonly string[] {
  const m = new Floats(types);
  const result = SINGLE[name](m as never, value("a") as never) as unknown as Value;
  return [...m.lines, `return ${result.text};`];
}

function inDoubles(name: keyof typeof FORMULAS, types: Types): readonly string[] {
  const m = new Doubles(types);
  const [a, b] = parametersOf(name).map(value);
  const result = FORMULAS[name](m as never, a as never, b as never) as unknown as Value;
  return [...m.lines, `return ${result.text};`];
}

const define = (head: string, lines: readonly string[]): string =>
  [`static ${head} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
