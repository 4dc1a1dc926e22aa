/** Prints expressions as C for single values: float32 in `float`, integers and booleans in integers. */

import { computedTypes, isFloat } from "../../../src/core/dtype.ts";
import { InternalError, invariant } from "../../../src/core/errors.ts";
import { isElementary } from "../../../src/loop/elementary.ts";
import type { Expr, ExprType } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { placeOf } from "../../lanes.ts";
import { scalarMath } from "./math.ts";
import { type FunctionContext, printSum, type Scope } from "./scope.ts";
import { COMPARE, constant, REPRESENTATION, scalarName } from "./spelling.ts";

type Of<K extends Expr["kind"]> = Extract<Expr, { kind: K }>;

export class ScalarPrinter {
  private readonly context: FunctionContext;

  constructor(context: FunctionContext) {
    this.context = context;
  }

  /** The value of `e`, as an operand of anything; inside a vector loop in the lane of `scope`, if it varies at all. */
  print = (e: Expr, scope: Scope): string => {
    switch (e.kind) {
      case "const":
        return constant(e.value, e.dtype);
      case "var":
      case "local":
        return this.name(e, scope);
      case "scalar":
        this.context.scalars.add(`${e.dtype} ${e.name}`);
        return `${scalarName(e.name)}_${e.dtype}`;
      case "load": {
        const element = this.element(e.buffer, e.index, scope);
        return e.dtype === "bool" ? `(${element} != 0)` : element;
      }
      case "unary":
        return this.unary(e, scope);
      case "binary":
        return this.binary(e, scope);
      case "compare":
        // Compilers warn about an unsigned word that is compared with 0.
        if (e.op === "lt" && isWord(e.b.dtype) && e.b.kind === "const" && e.b.value === 0) return "0";
        return `(${this.print(e.a, scope)} ${COMPARE[e.op]} ${this.print(e.b, scope)})`;
      case "select": {
        const taken: Scope = { ...scope, ranges: scope.ranges.withCondition(e.condition) };
        return `(${this.print(e.condition, scope)} ? ${this.print(e.a, taken)} : ${this.print(e.b, scope)})`;
      }
      case "cast":
        return this.cast(e, scope);
      case "reduce":
        throw new InternalError("a kernel is printed before it is scheduled");
      default:
        return e satisfies never;
    }
  };

  /** The same in the exact type that values of its type are held in: integers are computed in 64 bits. */
  exact(e: Expr, scope: Scope): string {
    const value = this.print(e, scope);
    return isWide(e) ? `(int32_t)${value}` : value;
  }

  /** The element of a buffer at an index. */
  element(buffer: string, index: Expr, scope: Scope): string {
    return `${this.context.access(buffer)}[${this.index(index, scope)}]`;
  }

  /** An index into a buffer, which is printed between brackets. */
  index(e: Expr, scope: Scope): string {
    return withoutParentheses(this.integer(e, scope));
  }

  /** An integer, which in a vector loop may be one of lane 0. */
  integer(e: Expr, scope: Scope): string {
    return printSum(e, scope, (atom, where) => this.print(atom, where));
  }

  private name(e: Of<"var"> | Of<"local">, scope: Scope): string {
    const place = placeOf(e.name, scope);
    if (place.kind === "integer")
      return place.laneStep === 0 || !scope.lane ? place.text : this.integer(e, scope);
    if (!place.isVector) return place.text;
    invariant(scope.lane !== undefined, `${e.name} has no single value in a vector loop`);
    const lane = `${place.text}[${scope.lane}]`;
    return e.dtype === "bool" ? `(${lane} & 1)` : lane;
  }

  private cast(e: Of<"cast">, scope: Scope): string {
    const a = this.print(e.a, scope);
    const isFromFloat = isFloat(e.a.dtype);
    switch (e.dtype) {
      case "float32":
        return isFromFloat ? a : `(float)${a}`;
      case "bool":
        return e.a.dtype === "bool" ? a : `(${a} != 0)`;
      case "int32":
      case "uint8":
        if (isFromFloat) return `whole_f(${a})`;
        return e.a.dtype === "uint32" ? `(int32_t)${a}` : a;
      case "uint32":
        return isFromFloat ? `(uint32_t)whole_f(${a})` : `(uint32_t)${a}`;
      default:
        return e.dtype satisfies never;
    }
  }

  private unary(e: Of<"unary">, scope: Scope): string {
    const a = this.print(e.a, scope);
    const isOfFloats = isFloat(e.a.dtype);
    if (isElementary(e.op)) {
      this.context.used.add(e.op);
      return `${scalarMath(e.op)}(${a})`;
    }
    switch (e.op) {
      case "neg":
        return `(-${a})`;
      case "abs":
        return isOfFloats ? `fabsf(${a})` : `abs_i(${this.exact(e.a, scope)})`;
      case "sign":
        return isOfFloats ? `sign_f(${a})` : `sign_i(${this.exact(e.a, scope)})`;
      case "not":
        return `(!${a})`;
      case "isnan":
        return isOfFloats ? `isnan_f(${a})` : "0";
      case "sqrt":
      case "floor":
      case "ceil":
      case "trunc":
        return `${e.op}f(${a})`;
      case "round":
        return `rintf(${a})`;
      default:
        return e.op satisfies never;
    }
  }

  private binary(e: Of<"binary">, scope: Scope): string {
    if (isIndex(e) && (e.op === "add" || e.op === "sub" || e.op === "mul")) {
      // A product of two unknowns is its own term; everything else is a sum.
      if (e.op !== "mul" || e.a.kind === "const" || e.b.kind === "const") return this.integer(e, scope);
    }
    const [a, b] = [this.print(e.a, scope), this.print(e.b, scope)];
    const isOfFloats = isFloat(e.dtype);
    const suffix = isOfFloats ? "f" : "i";
    const called = (name: string): string => `${name}(${this.exact(e.a, scope)}, ${this.exact(e.b, scope)})`;
    switch (e.op) {
      case "add":
        return `(${a} + ${b})`;
      case "sub":
        return `(${a} - ${b})`;
      case "mul":
        return `(${a} * ${b})`;
      case "div":
        if (isOfFloats) return `(${a} / ${b})`;
        return this.isPlainQuotient(e, scope) ? `(int64_t)((uint32_t)${a} / ${b}u)` : called("divide_i");
      case "mod":
        if (!isOfFloats && this.isPlainQuotient(e, scope)) return `(int64_t)((uint32_t)${a} % ${b}u)`;
        return called(`modulo_${suffix}`);
      case "max":
      case "min":
        return called(`${e.op}imum_${suffix}`);
      case "fmod":
        if (!isOfFloats) return called("remainder_i");
        this.context.used.add("fmod");
        return `${scalarMath("fmod")}(${a}, ${b})`;
      case "pow":
      case "atan2":
        this.context.used.add(e.op);
        return `${scalarMath(e.op)}(${a}, ${b})`;
      case "and":
      case "bitand":
        return `(${a} & ${b})`;
      case "or":
        return `(${a} | ${b})`;
      case "xor":
        return `(${a} ^ ${b})`;
      case "shr":
        return `(${a} >> ${b})`;
      default:
        return e.op satisfies never;
    }
  }

  /** Whether a quotient is truncated as in C: a number that is not negative divided by a positive constant. */
  private isPlainQuotient(e: Of<"binary">, { ranges }: Scope): boolean {
    return e.b.kind === "const" && e.b.value > 0 && ranges.rangeOf(e.a).low >= 0;
  }
}

/** Whether the value of `e` is printed in more bits than values of its type are held in. */
function isWide(e: Expr): boolean {
  switch (e.kind) {
    case "var":
    case "local":
    case "unary":
    case "binary":
      return isIndex(e);
    case "select":
      return isWide(e.a) || isWide(e.b);
    case "cast":
      return isWhole(e.dtype) && isWhole(e.a.dtype) && isWide(e.a);
    default:
      return false;
  }
}

const isWord = (type: ExprType): boolean => computedTypes("word").includes(type);

const isWhole = (type: ExprType): boolean =>
  REPRESENTATION[type].scalar === "int32_t" && !REPRESENTATION[type].isMask;

/** A text that something else encloses. */
export const withoutParentheses = (text: string): string =>
  text.startsWith("(") && closesAtEnd(text) ? text.slice(1, -1) : text;

/** Whether the parenthesis at the start of a text closes at its end. */
function closesAtEnd(text: string): boolean {
  let depth = 0;
  for (let k = 0; k < text.length - 1; k++) {
    if (text[k] === "(") depth += 1;
    if (text[k] === ")") depth -= 1;
    if (depth === 0) return false;
  }
  return true;
}
