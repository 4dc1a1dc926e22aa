/**
 * Expressions as vector instructions: the four lanes of a vector loop at once. What has no vector form is computed
 * lane by lane and put together. Truth values are masks: all ones or all zeros in a lane.
 */

import { InternalError } from "../../../src/core/errors.ts";
import { add, int } from "../../../src/loop/build.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { isSafe } from "../../safety.ts";
import {
  choose,
  get,
  type Instruction,
  i32,
  operation,
  replace,
  shuffle,
  vector,
} from "../encode/instructions.ts";
import type { OperationName } from "../encode/operations.ts";
import type { FunctionContext, Scope } from "./context.ts";
import { addressOf, laneStepOf, placeOf, varies } from "./index-form.ts";
import { asMask, laneShape, STORED, signOf, spreadValue, valueType } from "./representation.ts";
import { integerComparison, type ScalarPrinter } from "./scalar.ts";

export const LANES = [0, 1, 2, 3] as const;

/** The bits of 1.0, which a mask cuts out of. */
const ONE_BITS = 0x3f800000;

/** The bytes of lanes of two vectors, those of the second counted from 4 on. */
export const bytesOfLanes = (...lanes: readonly number[]): readonly number[] =>
  lanes.flatMap((lane) => LANES.map((byte) => 4 * lane + byte));

export class VectorPrinter {
  private readonly context: FunctionContext;
  private readonly scalar: ScalarPrinter;

  constructor(context: FunctionContext, scalar: ScalarPrinter) {
    this.context = context;
    this.scalar = scalar;
  }

  /** All four values of `e`. */
  print(e: Expr, scope: Scope): Instruction {
    if (!varies(e, scope)) return this.splat(e, scope);
    if (isIndex(e)) {
      const step = laneStepOf(e, scope);
      if (step !== undefined) return this.stepped(e, step, scope);
    }
    switch (e.kind) {
      case "var":
      case "local": {
        const place = placeOf(e.name, scope);
        if (place.kind !== "value") throw new InternalError(`${e.name} is no vector`);
        return get(place.local);
      }
      case "load":
        return this.load(e, scope) ?? this.laneByLane(e, scope);
      case "unary":
        return this.unary(e, scope) ?? this.laneByLane(e, scope);
      case "binary":
        return this.binary(e, scope) ?? this.laneByLane(e, scope);
      case "compare":
        return this.compare(e, scope) ?? this.laneByLane(e, scope);
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

  /** The same value in every lane. */
  private splat(e: Expr, scope: Scope): Instruction {
    const place = e.kind === "local" ? placeOf(e.name, scope) : undefined;
    return place?.kind === "uniform" ? this.context.uniform(place, "splat") : this.spread(e, scope);
  }

  /** A value that all lanes share, computed and put in every lane. */
  spread(e: Expr, scope: Scope): Instruction {
    if (e.kind === "const") {
      if (laneShape(e.dtype) === "f32x4") return this.context.constant("f32x4", e.value);
      return this.context.constant("i32x4", e.dtype === "bool" && e.value !== 0 ? -1 : e.value | 0);
    }
    const loadSplat = e.kind === "load" ? STORED[e.dtype].loadSplat : undefined;
    if (e.kind === "load" && loadSplat !== undefined)
      return loadSplat(addressOf(e.buffer, e.index, scope, this.context, this.scalar.print));
    return spreadValue(this.scalar.print(e, scope), e.dtype);
  }

  /** An integer that grows by `step` from lane to lane. */
  private stepped(e: Expr, step: number, scope: Scope): Instruction {
    const first = this.scalar.print(e, { ...scope, lane: 0 });
    const offsets = vector(
      "i32x4",
      LANES.map((lane) => step * lane),
    );
    if (first.kind === "const" && first.value === 0) return offsets;
    return operation("i32x4.add", operation("i32x4.splat", first), offsets);
  }

  /** Four scalars side by side. */
  private laneByLane(e: Expr, scope: Scope): Instruction {
    const shape = laneShape(e.dtype);
    const [first, ...others] = LANES.map((lane) => this.scalar.print(e, { ...scope, lane }));
    const lanes = others.reduce(
      (sum, value, k) => replace(`${shape}.replace_lane`, k + 1, sum, value),
      operation(`${shape}.splat`, first),
    );
    return asMask(lanes, e.dtype);
  }

  private load(e: Extract<Expr, { kind: "load" }>, scope: Scope): Instruction | undefined {
    const step = laneStepOf(e.index, scope);
    const lanesFrom = (index: Expr): Instruction => {
      const first: Scope = { ...scope, lane: 0 };
      return STORED[e.dtype].loadLanes(addressOf(e.buffer, index, first, this.context, this.scalar.print));
    };
    if (step === 1) return lanesFrom(e.index);
    // Of two vectors, the first begins with the first lane and the second ends with the last one: nothing is read beyond.
    if (step === 2 || step === 3)
      return shuffle(
        bytesOfLanes(0, step, 7 - step, 7),
        lanesFrom(e.index),
        lanesFrom(add(e.index, int(3 * step - 3))),
      );
    return undefined;
  }

  private unary(e: Extract<Expr, { kind: "unary" }>, scope: Scope): Instruction | undefined {
    const isFloat = valueType(e.a.dtype) === "f32";
    if (e.op === "not") return operation("v128.not", this.print(e.a, scope));
    if (!isFloat) return undefined;
    const a = this.print(e.a, scope);
    switch (e.op) {
      case "neg":
      case "abs":
      case "sqrt":
      case "floor":
      case "ceil":
      case "trunc":
        return operation(`f32x4.${e.op}`, a);
      case "round":
        return operation("f32x4.nearest", a);
      case "sign": {
        const [first, again] = this.context.twice(a);
        const signBits = this.context.constant("i32x4", -(2 ** 31));
        const signed = operation("v128.bitselect", first, this.context.constant("f32x4", 1), signBits);
        // Neither above nor below 0 are the zeros and NaN.
        const isSigned = operation(
          "f32x4.gt",
          operation("f32x4.abs", again),
          this.context.constant("f32x4", 0),
        );
        return operation("v128.and", signed, isSigned);
      }
      case "isnan": {
        const [first, again] = this.context.twice(a);
        return operation("f32x4.ne", first, again);
      }
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
        return this.context.ofFour(e.op, a);
      default:
        return e.op satisfies never;
    }
  }

  private binary(e: Extract<Expr, { kind: "binary" }>, scope: Scope): Instruction | undefined {
    const both = (name: OperationName): Instruction =>
      operation(name, this.print(e.a, scope), this.print(e.b, scope));
    const isFloat = valueType(e.dtype) === "f32";
    switch (e.op) {
      case "add": {
        const fused = isFloat ? this.multiplyAdd(e, scope) : undefined;
        return fused ?? both(isFloat ? "f32x4.add" : "i32x4.add");
      }
      case "sub":
      case "mul":
        return both(`${isFloat ? "f32x4" : "i32x4"}.${e.op}`);
      case "div":
        return isFloat ? both("f32x4.div") : undefined;
      case "max":
      case "min":
        return both(isFloat ? `f32x4.${e.op}` : `i32x4.${e.op}_s`);
      case "pow":
      case "atan2":
      case "fmod":
        if (!isFloat) return undefined;
        return this.context.ofFour(e.op, this.print(e.a, scope), this.print(e.b, scope));
      case "and":
      case "bitand":
        return both("v128.and");
      case "or":
        return both("v128.or");
      case "xor":
        return both("v128.xor");
      case "shr":
        if (e.b.kind !== "const") return undefined;
        return operation("i32x4.shr_u", this.print(e.a, scope), i32(e.b.value));
      case "mod":
        return undefined;
      default:
        return e.op satisfies never;
    }
  }

  /** `a·b + c` in one instruction, where the engine has it and the bits may depend on the engine. */
  private multiplyAdd(e: Extract<Expr, { kind: "binary" }>, scope: Scope): Instruction | undefined {
    if (!this.context.environment.usesRelaxedMadd) return undefined;
    const [product, rest] = e.b.kind === "binary" && e.b.op === "mul" ? [e.b, e.a] : [e.a, e.b];
    if (product.kind !== "binary" || product.op !== "mul" || !varies(product, scope)) return undefined;
    const operands = [product.a, product.b, rest].map((x) => this.print(x, scope));
    return operation("f32x4.relaxed_madd", ...operands);
  }

  private compare(e: Extract<Expr, { kind: "compare" }>, scope: Scope): Instruction | undefined {
    const { dtype } = e.a;
    if (dtype === "bool" && e.op !== "eq" && e.op !== "ne") return undefined;
    const [a, b] = [this.print(e.a, scope), this.print(e.b, scope)];
    if (valueType(dtype) === "f32") return operation(`f32x4.${e.op}`, a, b);
    return operation(integerComparison("i32x4", e.op, dtype), a, b);
  }

  /** Both sides are computed, which must be safe; or one of them, where all lanes choose alike. */
  private select(e: Extract<Expr, { kind: "select" }>, scope: Scope): Instruction | undefined {
    const taken: Scope = { ...scope, ranges: scope.ranges.withCondition(e.condition) };
    if (!varies(e.condition, scope)) {
      const condition = this.scalar.print(e.condition, scope);
      return choose(condition, this.print(e.a, taken), this.print(e.b, scope));
    }
    if (![e.a, e.b].every((side) => isSafe(side, scope.ranges, this.context.buffers))) return undefined;
    const [a, b] = [this.print(e.a, scope), this.print(e.b, scope)];
    return operation("v128.bitselect", a, b, this.print(e.condition, scope));
  }

  private cast(e: Extract<Expr, { kind: "cast" }>, scope: Scope): Instruction {
    const a = this.print(e.a, scope);
    const from = e.a.dtype;
    const isFromFloat = valueType(from) === "f32";
    switch (e.dtype) {
      case "float32":
        if (isFromFloat) return a;
        if (from === "bool") return operation("v128.and", a, this.context.constant("i32x4", ONE_BITS));
        return operation(`f32x4.convert_i32x4_${signOf(from)}`, a);
      case "bool":
        if (isFromFloat) return operation("f32x4.ne", a, this.context.constant("f32x4", 0));
        return from === "bool" ? a : operation("i32x4.ne", a, this.context.constant("i32x4", 0));
      case "int32":
      case "uint32":
      case "uint8":
        if (from === "bool") return operation("v128.and", a, this.context.constant("i32x4", 1));
        return isFromFloat ? operation("i32x4.trunc_sat_f32x4_s", a) : a;
      default:
        return e.dtype satisfies never;
    }
  }
}
