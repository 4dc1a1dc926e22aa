/**
 * Expressions as C for the lanes of a vector loop, all at once, in the compilers' vector types. What has no vector form is
 * computed lane by lane and put together. Truth values are masks: all ones or all zeros in a lane.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { InternalError } from "../../../src/core/errors.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { isSafe } from "../../safety.ts";
import { vectorMath } from "./math.ts";
import type { ScalarPrinter } from "./scalar.ts";
import { type FunctionContext, laneStepOf, placeOf, type Scope, varies } from "./scope.ts";
import { COMPARE, isByte, REPRESENTATION } from "./spelling.ts";

type Of<K extends Expr["kind"]> = Extract<Expr, { kind: K }>;

export class VectorPrinter {
  private readonly context: FunctionContext;
  private readonly scalar: ScalarPrinter;

  constructor(context: FunctionContext, scalar: ScalarPrinter) {
    this.context = context;
    this.scalar = scalar;
  }

  /** The values of `e` in all lanes. */
  print(e: Expr, scope: Scope): string {
    if (!varies(e, scope)) return this.spread(e, scope);
    if (isIndex(e)) {
      const step = laneStepOf(e, scope);
      if (step !== undefined) return this.stepped(e, step, scope);
    }
    switch (e.kind) {
      case "var":
      case "local":
        return placeOf(e.name, scope).text;
      case "load":
        return this.load(e, scope) ?? this.laneByLane(e, scope);
      case "unary":
        return this.unary(e, scope) ?? this.laneByLane(e, scope);
      case "binary":
        return this.binary(e, scope) ?? this.laneByLane(e, scope);
      case "compare":
        return this.compare(e, scope);
      case "select":
        return this.select(e, scope) ?? this.laneByLane(e, scope);
      case "cast":
        return this.cast(e, scope);
      case "const":
      case "scalar":
      case "reduce":
        throw new InternalError(`${e.kind} does not vary`);
      default:
        return e satisfies never;
    }
  }

  /** A value that all lanes share, in every lane. */
  private spread(e: Expr, scope: Scope): string {
    const { suffix, isMask } = REPRESENTATION[e.dtype];
    const value = this.scalar.print(e, scope);
    return isMask ? `all_i(-(int32_t)${value})` : `all_${suffix}(${value})`;
  }

  /** An integer that grows by `step` from lane to lane. */
  private stepped(e: Expr, step: number, scope: Scope): string {
    const first = this.scalar.integer(e, { ...scope, lane: 0 });
    const offsets = Array.from({ length: this.context.lanes }, (_, lane) => step * lane);
    return `(all_i((int32_t)${first}) + (ints){${offsets.join(", ")}})`;
  }

  /** Single values side by side. */
  private laneByLane(e: Expr, scope: Scope): string {
    const { lanes, isMask } = REPRESENTATION[e.dtype];
    const values = Array.from({ length: this.context.lanes }, (_, lane) => {
      const value = this.scalar.print(e, { ...scope, lane });
      if (isMask) return `-(int32_t)${value}`;
      return isFloat(e.dtype) ? value : `(${REPRESENTATION[e.dtype].scalar})${value}`;
    });
    return `(${lanes}){${values.join(", ")}}`;
  }

  private load(e: Of<"load">, scope: Scope): string | undefined {
    if (laneStepOf(e.index, scope) !== 1) return undefined;
    const at = `${this.context.access(e.buffer)} + ${this.scalar.integer(e.index, { ...scope, lane: 0 })}`;
    if (!isByte(e.dtype)) return `load_${REPRESENTATION[e.dtype].suffix}(${at})`;
    return e.dtype === "bool" ? `(load_b(${at}) != 0)` : `load_b(${at})`;
  }

  private unary(e: Of<"unary">, scope: Scope): string | undefined {
    if (e.op === "not") return `(~${this.print(e.a, scope)})`;
    if (!isFloat(e.a.dtype)) return undefined;
    const a = this.print(e.a, scope);
    switch (e.op) {
      case "neg":
        return `(-${a})`;
      case "abs":
      case "sqrt":
      case "floor":
      case "ceil":
      case "trunc":
      case "round":
      case "sign":
        return `${e.op}_v(${a})`;
      case "isnan":
        return `isnan_v(${a})`;
      case "exp":
      case "log":
      case "expm1":
      case "log1p":
      case "tanh":
      case "sin":
      case "cos":
      case "tan":
      case "asin":
      case "acos":
      case "atan":
      case "sinh":
      case "cosh":
      case "asinh":
      case "acosh":
      case "atanh":
        this.context.used.add(e.op);
        return `${vectorMath(e.op)}(${a})`;
      default:
        return e.op satisfies never;
    }
  }

  private binary(e: Of<"binary">, scope: Scope): string | undefined {
    const isOfFloats = isFloat(e.dtype);
    const both = (sign: string): string => `(${this.print(e.a, scope)} ${sign} ${this.print(e.b, scope)})`;
    const called = (name: string): string => `${name}(${this.print(e.a, scope)}, ${this.print(e.b, scope)})`;
    switch (e.op) {
      case "add":
        return (isOfFloats ? this.multiplyAdd(e, scope) : undefined) ?? both("+");
      case "sub":
        return both("-");
      case "mul":
        return both("*");
      case "div":
        return isOfFloats ? both("/") : undefined;
      case "max":
      case "min":
        return isOfFloats ? called(`${e.op}imum_v`) : undefined;
      case "pow":
      case "atan2":
      case "fmod":
        if (!isOfFloats) return undefined;
        this.context.used.add(e.op);
        return called(vectorMath(e.op));
      case "and":
      case "bitand":
        return both("&");
      case "or":
        return both("|");
      case "xor":
        return both("^");
      case "shr":
        return both(">>");
      case "mod":
        return undefined;
      default:
        return e.op satisfies never;
    }
  }

  /** `a·b + c`, rounded once where the processor does. */
  private multiplyAdd(e: Of<"binary">, scope: Scope): string | undefined {
    const [product, rest] = e.b.kind === "binary" && e.b.op === "mul" ? [e.b, e.a] : [e.a, e.b];
    if (product.kind !== "binary" || product.op !== "mul" || !varies(product, scope)) return undefined;
    return `fused_v(${[product.a, product.b, rest].map((x) => this.print(x, scope)).join(", ")})`;
  }

  private compare(e: Of<"compare">, scope: Scope): string {
    // Masks are 0 and -1, in the other order than truth values.
    const isReversed = e.a.dtype === "bool" && e.op !== "eq" && e.op !== "ne";
    const [a, b] = isReversed ? [e.b, e.a] : [e.a, e.b];
    return `(ints)(${this.print(a, scope)} ${COMPARE[e.op]} ${this.print(b, scope)})`;
  }

  /** Both sides are computed, which must be safe; or one of them, where all lanes choose alike. */
  private select(e: Of<"select">, scope: Scope): string | undefined {
    const taken: Scope = { ...scope, ranges: scope.ranges.withCondition(e.condition) };
    if (!varies(e.condition, scope)) {
      const condition = this.scalar.print(e.condition, scope);
      return `(${condition} ? ${this.print(e.a, taken)} : ${this.print(e.b, scope)})`;
    }
    if (![e.a, e.b].every((side) => isSafe(side, scope.ranges, this.context.buffers))) return undefined;
    const sides = [e.a, e.b].map((side) => this.print(side, scope)).join(", ");
    return `choose_${REPRESENTATION[e.dtype].suffix}(${this.print(e.condition, scope)}, ${sides})`;
  }

  private cast(e: Of<"cast">, scope: Scope): string {
    const a = this.print(e.a, scope);
    const from = e.a.dtype;
    switch (e.dtype) {
      case "float32":
        if (isFloat(from)) return a;
        return from === "bool" ? `from_mask_f(${a})` : `from_${REPRESENTATION[from].suffix}_f(${a})`;
      case "bool":
        return from === "bool" ? a : `(ints)(${a} != 0)`;
      case "int32":
      case "uint32":
      case "uint8": {
        const whole = from === "bool" ? `(${a} & 1)` : isFloat(from) ? `whole_v(${a})` : a;
        return `(${REPRESENTATION[e.dtype].lanes})${whole}`;
      }
      default:
        return e.dtype satisfies never;
    }
  }
}
