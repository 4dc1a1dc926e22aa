/** Prints expressions as scalar instructions: float32 in f32, everything else in i32, booleans as 0 and 1. */

import { InternalError, invariant } from "../../../src/core/errors.ts";
import { isElementary } from "../../../src/loop/elementary.ts";
import type { CompareOp, Expr, ExprType } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { placeOf } from "../../lanes.ts";
import { isCheap, isSafe } from "../../safety.ts";
import {
  choose,
  f32,
  f64,
  get,
  type Instruction,
  i32,
  operation,
  selectValue,
} from "../encode/instructions.ts";
import type { OperationName } from "../encode/operations.ts";
import type { FunctionContext, Scope } from "./context.ts";
import { addressOf, scaledInteger } from "./index-form.ts";
import { laneOf, STORED, signOf, valueType } from "./representation.ts";

type Unary = Extract<Expr, { kind: "unary" }>;
type Binary = Extract<Expr, { kind: "binary" }>;

const UNSIGNED: Partial<Record<CompareOp, string>> = { lt: "lt_u", le: "le_u", gt: "gt_u", ge: "ge_u" };
const SIGNED: Partial<Record<CompareOp, string>> = { lt: "lt_s", le: "le_s", gt: "gt_s", ge: "ge_s" };

/** The comparison of 32-bit integers, `shape` being `i32` or `i32x4`. */
export const integerComparison = (shape: string, op: CompareOp, dtype: ExprType): OperationName =>
  `${shape}.${(dtype === "uint32" ? UNSIGNED : SIGNED)[op] ?? op}` as OperationName;

export class ScalarPrinter {
  private readonly context: FunctionContext;

  constructor(context: FunctionContext) {
    this.context = context;
  }

  /** The value of `e`; inside a vector loop in the lane of `scope`, if it varies at all. */
  print = (e: Expr, scope: Scope): Instruction => {
    switch (e.kind) {
      case "const":
        return valueType(e.dtype) === "f32" ? f32(e.value) : i32(e.value);
      case "var":
      case "local":
        return this.name(e, scope);
      case "scalar":
        return this.context.scalar(e.name, e.dtype);
      case "load":
        return this.load(e, scope);
      case "unary":
        return this.unary(e, scope);
      case "binary":
        return this.binary(e, scope);
      case "compare": {
        const [a, b] = [this.print(e.a, scope), this.print(e.b, scope)];
        if (valueType(e.a.dtype) === "f32") return operation(`f32.${e.op}`, a, b);
        return operation(integerComparison("i32", e.op, e.a.dtype), a, b);
      }
      case "select":
        return this.select(e, scope);
      case "cast":
        return this.cast(e, scope);
      case "reduce":
        throw new InternalError("a kernel is printed before it is scheduled");
      default:
        return e satisfies never;
    }
  };

  /** `scale·e`: the start of a pointer, in elements or bytes. */
  scaled(e: Expr, scale: number, scope: Scope): Instruction {
    return scaledInteger(e, scale, scope, this.context, this.print);
  }

  private name(e: Extract<Expr, { kind: "var" | "local" }>, scope: Scope): Instruction {
    const place = placeOf(e.name, scope);
    if (place.kind === "integer") return this.scaled(e, 1, scope);
    if (place.kind === "uniform") return this.context.uniform(place, "scalar");
    if (!place.isVector) return get(place.local);
    invariant(scope.lane !== undefined, `${e.name} has no single value in a vector loop`);
    return laneOf(get(place.local), scope.lane, e.dtype);
  }

  private load(e: Extract<Expr, { kind: "load" }>, scope: Scope): Instruction {
    return STORED[e.dtype].load(addressOf(e.buffer, e.index, scope, this.context, this.print));
  }

  private select(e: Extract<Expr, { kind: "select" }>, scope: Scope): Instruction {
    const taken: Scope = { ...scope, ranges: scope.ranges.withCondition(e.condition) };
    const { buffers } = this.context;
    const branchless = [e.a, e.b].every((side) => isCheap(side) && isSafe(side, scope.ranges, buffers));
    const condition = this.print(e.condition, scope);
    return branchless
      ? selectValue(condition, this.print(e.a, scope), this.print(e.b, scope))
      : choose(condition, this.print(e.a, taken), this.print(e.b, scope));
  }

  private cast(e: Extract<Expr, { kind: "cast" }>, scope: Scope): Instruction {
    const a = this.print(e.a, scope);
    const from = e.a.dtype;
    const isFromFloat = valueType(from) === "f32";
    switch (e.dtype) {
      case "float32":
        if (isFromFloat) return a;
        return operation(`f32.convert_i32_${signOf(from)}`, a);
      case "bool":
        if (isFromFloat) return operation("f32.ne", a, f32(0));
        return from === "bool" ? a : operation("i32.ne", a, i32(0));
      case "int32":
      case "uint32":
      case "uint8":
        return isFromFloat ? operation("i32.trunc_sat_f32_s", a) : a;
      default:
        return e.dtype satisfies never;
    }
  }

  private unary(e: Unary, scope: Scope): Instruction {
    const a = this.print(e.a, scope);
    const isFloat = valueType(e.a.dtype) === "f32";
    if (isElementary(e.op)) return this.context.ofOne(e.op, a);
    switch (e.op) {
      case "neg":
        return isFloat ? operation("f32.neg", a) : operation("i32.sub", i32(0), a);
      case "abs": {
        if (isFloat) return operation("f32.abs", a);
        const [first, again] = this.context.twice(a);
        return selectValue(operation("i32.lt_s", again, i32(0)), operation("i32.sub", i32(0), first), again);
      }
      case "sign": {
        const [first, again] = this.context.twice(a);
        if (!isFloat)
          return operation(
            "i32.sub",
            operation("i32.gt_s", first, i32(0)),
            operation("i32.lt_s", again, i32(0)),
          );
        // Zeros and NaN are neither above nor below 0.
        const isSigned = operation("f32.gt", operation("f32.abs", again), f32(0));
        return selectValue(isSigned, operation("f32.copysign", f32(1), first), f32(0));
      }
      case "not":
        return operation("i32.eqz", a);
      case "isnan": {
        const [first, again] = this.context.twice(a);
        return isFloat ? operation("f32.ne", first, again) : i32(0);
      }
      case "sqrt":
      case "floor":
      case "ceil":
      case "trunc":
        return operation(`f32.${e.op}`, a);
      case "round":
        return operation("f32.nearest", a);
      default:
        return e.op satisfies never;
    }
  }

  private binary(e: Binary, scope: Scope): Instruction {
    if (isIndex(e) && (e.op === "add" || e.op === "sub" || e.op === "mul")) {
      // A product of two unknowns is its own term; everything else is a sum.
      if (e.op !== "mul" || e.a.kind === "const" || e.b.kind === "const") return this.scaled(e, 1, scope);
    }
    const [a, b] = [this.print(e.a, scope), this.print(e.b, scope)];
    const type = valueType(e.dtype);
    switch (e.op) {
      case "add":
      case "sub":
      case "mul":
        return operation(`${type}.${e.op}`, a, b);
      case "div":
        return type === "f32" ? operation("f32.div", a, b) : this.floorDivision(e, a, b, scope);
      case "mod":
        return this.remainder(e, a, b, scope);
      case "max":
      case "min":
        return type === "f32" ? operation(`f32.${e.op}`, a, b) : this.integerExtreme(e.op, a, b);
      case "pow":
        invariant(type === "f32", "powers are of float32");
        return this.context.ofOne("pow", a, b);
      case "atan2":
        return this.context.ofOne("atan2", a, b);
      case "fmod":
        if (type === "f32") return this.context.ofOne("fmod", a, b);
        return this.difference(e, a, b, "f64.trunc");
      case "and":
      case "bitand":
        return operation("i32.and", a, b);
      case "or":
        return operation("i32.or", a, b);
      case "xor":
        return operation("i32.xor", a, b);
      case "shr":
        return operation("i32.shr_u", a, b);
      default:
        return e.op satisfies never;
    }
  }

  private integerExtreme(op: "max" | "min", a: Instruction, b: Instruction): Instruction {
    const [firstA, againA] = this.context.twice(a);
    const [firstB, againB] = this.context.twice(b);
    return selectValue(operation(op === "max" ? "i32.gt_s" : "i32.lt_s", againA, againB), firstA, firstB);
  }

  private floorDivision(e: Binary, a: Instruction, b: Instruction, scope: Scope): Instruction {
    if (e.b.kind !== "const" || e.b.value <= 0) {
      const quotient = operation("f64.div", double(a), double(b));
      return operation("i32.wrap_i64", operation("i64.trunc_sat_f64_s", operation("f64.floor", quotient)));
    }
    if (scope.ranges.rangeOf(e.a).low >= 0) return operation("i32.div_u", a, b);
    // The quotient is truncated: one too large if the remainder is negative.
    const [first, again] = this.context.twice(a);
    const borrow = operation("i32.shr_u", operation("i32.rem_s", again, b), i32(31));
    return operation("i32.sub", operation("i32.div_s", first, b), borrow);
  }

  /** `a - b·⌊a/b⌋`. */
  private remainder(e: Binary, a: Instruction, b: Instruction, scope: Scope): Instruction {
    const isConstant = e.b.kind === "const" && e.b.value > 0;
    if (isIndex(e) && isConstant && scope.ranges.rangeOf(e.a).low >= 0) return operation("i32.rem_u", a, b);
    return this.difference(e, a, b, "f64.floor");
  }

  /** `a` minus the multiple of `b` given by the quotient, rounded to an integer. */
  private difference(
    e: Binary,
    a: Instruction,
    b: Instruction,
    round: "f64.floor" | "f64.trunc",
  ): Instruction {
    const isFloat = valueType(e.dtype) === "f32";
    const widen = (value: Instruction): Instruction =>
      isFloat ? operation("f64.promote_f32", value) : double(value);
    const [firstA, againA] = this.context.twice(widen(a));
    const [firstB, againB] = this.context.twice(widen(b));
    const quotient = operation(round, operation("f64.div", againA, againB));
    const product = operation("f64.mul", firstB, quotient);
    const rest = operation("f64.sub", firstA, product);
    return isFloat
      ? operation("f32.demote_f64", rest)
      : operation("i32.wrap_i64", operation("i64.trunc_sat_f64_s", rest));
  }
}

/** Every int32 is a double, and quotients of two that are not integers are far enough from one to be rounded right. */
const double = (value: Instruction): Instruction =>
  value.kind === "const" ? f64(value.value) : operation("f64.convert_i32_s", value);
