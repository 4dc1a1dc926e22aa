/**
 * Prints expressions as vector instructions: the four lanes of a vector
 * loop at once. Booleans are masks: all ones or all zeros in a lane.
 */

import { InternalError } from "../../../src/core/errors.ts";
import { add, int } from "../../../src/loop/build.ts";
import { isElementary } from "../../../src/loop/elementary.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { LanePrinter } from "../../lane-printer.ts";
import { laneStepOf, placeOf } from "../../lanes.ts";
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
import { addressOf } from "./index-form.ts";
import { asMask, laneShape, STORED, signOf, spreadValue, valueType } from "./representation.ts";
import { integerComparison, type ScalarPrinter } from "./scalar.ts";

type Of<K extends Expr["kind"]> = Extract<Expr, { kind: K }>;

export const LANES = [0, 1, 2, 3] as const;

/** The bits of 1.0, from which a mask selects. */
const ONE_BITS = 0x3f800000;

/** The bytes of lanes of two vectors, those of the second counted from 4 on. */
export const bytesOfLanes = (...lanes: readonly number[]): readonly number[] =>
  lanes.flatMap((lane) => LANES.map((byte) => 4 * lane + byte));

export class VectorPrinter extends LanePrinter<Instruction, Scope> {
  protected readonly buffers: FunctionContext["buffers"];
  private readonly context: FunctionContext;
  private readonly scalar: ScalarPrinter;

  constructor(context: FunctionContext, scalar: ScalarPrinter) {
    super();
    this.buffers = context.buffers;
    this.context = context;
    this.scalar = scalar;
  }

  protected uniform(e: Expr, scope: Scope): Instruction {
    const place = e.kind === "local" ? placeOf(e.name, scope) : undefined;
    return place?.kind === "uniform" ? this.context.uniform(place, "splat") : this.spread(e, scope);
  }

  /** A value that all lanes share, computed and broadcast to every lane. */
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

  protected stepped(e: Expr, step: number, scope: Scope): Instruction {
    const first = this.scalar.print(e, { ...scope, lane: 0 });
    const offsets = vector(
      "i32x4",
      LANES.map((lane) => step * lane),
    );
    if (first.kind === "const" && first.value === 0) return offsets;
    return operation("i32x4.add", operation("i32x4.splat", first), offsets);
  }

  protected laneByLane(e: Expr, scope: Scope): Instruction {
    const shape = laneShape(e.dtype);
    const [first, ...others] = LANES.map((lane) => this.scalar.print(e, { ...scope, lane }));
    const lanes = others.reduce(
      (sum, value, k) => replace(`${shape}.replace_lane`, k + 1, sum, value),
      operation(`${shape}.splat`, first),
    );
    return asMask(lanes, e.dtype);
  }

  protected named(name: string, scope: Scope): Instruction {
    const place = placeOf(name, scope);
    if (place.kind !== "value") throw new InternalError(`${name} is no vector`);
    return get(place.local);
  }

  protected load(e: Of<"load">, scope: Scope): Instruction | undefined {
    const step = laneStepOf(e.index, scope);
    const lanesFrom = (index: Expr): Instruction => {
      const first: Scope = { ...scope, lane: 0 };
      return STORED[e.dtype].loadLanes(addressOf(e.buffer, index, first, this.context, this.scalar.print));
    };
    if (step === 1) return lanesFrom(e.index);
    // Of two vectors, the first begins with the first lane and the
    // second ends with the last one: nothing is read beyond.
    if (step === 2 || step === 3)
      return shuffle(
        bytesOfLanes(0, step, 7 - step, 7),
        lanesFrom(e.index),
        lanesFrom(add(e.index, int(3 * step - 3))),
      );
    return undefined;
  }

  protected unary(e: Of<"unary">, scope: Scope): Instruction | undefined {
    const isFloat = valueType(e.a.dtype) === "f32";
    if (e.op === "not") return operation("v128.not", this.print(e.a, scope));
    if (!isFloat) return undefined;
    const a = this.print(e.a, scope);
    if (isElementary(e.op)) return this.context.ofFour(e.op, a);
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
        // Zeros and NaN are neither above nor below 0.
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
      default:
        return e.op satisfies never;
    }
  }

  protected binary(e: Of<"binary">, scope: Scope): Instruction | undefined {
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

  /** `a·b + c` in one instruction, if the engine has it and the bits may depend on the engine. */
  private multiplyAdd(e: Of<"binary">, scope: Scope): Instruction | undefined {
    if (!this.context.environment.usesRelaxedMadd) return undefined;
    const operands = this.multiplyAddOf(e, scope);
    return operands && operation("f32x4.relaxed_madd", ...operands);
  }

  protected compare(e: Of<"compare">, scope: Scope): Instruction | undefined {
    const { dtype } = e.a;
    if (dtype === "bool" && e.op !== "eq" && e.op !== "ne") return undefined;
    const [a, b] = [this.print(e.a, scope), this.print(e.b, scope)];
    if (valueType(dtype) === "f32") return operation(`f32x4.${e.op}`, a, b);
    return operation(integerComparison("i32x4", e.op, dtype), a, b);
  }

  protected either(e: Of<"select">, taken: Scope, scope: Scope): Instruction {
    const condition = this.scalar.print(e.condition, scope);
    return choose(condition, this.print(e.a, taken), this.print(e.b, scope));
  }

  protected chosen(e: Of<"select">, scope: Scope): Instruction {
    const [a, b] = [this.print(e.a, scope), this.print(e.b, scope)];
    return operation("v128.bitselect", a, b, this.print(e.condition, scope));
  }

  protected cast(e: Of<"cast">, scope: Scope): Instruction {
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
