/**
 * Prints expressions as C for the lanes of a vector loop, all at once, in the compilers' vector types. Booleans are
 * masks: all ones or all zeros in a lane.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { isElementary } from "../../../src/loop/elementary.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { LanePrinter } from "../../lane-printer.ts";
import { laneStepOf, placeOf } from "../../lanes.ts";
import { vectorMath } from "./math.ts";
import type { ScalarPrinter } from "./scalar.ts";
import { type FunctionContext, nameForLanes, type Scope } from "./scope.ts";
import { COMPARE, isByte, REPRESENTATION } from "./spelling.ts";

type Of<K extends Expr["kind"]> = Extract<Expr, { kind: K }>;

export class VectorPrinter extends LanePrinter<string, Scope> {
  protected readonly buffers: FunctionContext["buffers"];
  private readonly context: FunctionContext;
  private readonly scalar: ScalarPrinter;

  constructor(context: FunctionContext, scalar: ScalarPrinter) {
    super();
    this.buffers = context.buffers;
    this.context = context;
    this.scalar = scalar;
  }

  /** The name of a type or a function for the number of lanes here. */
  own = (name: string, { lanes }: Scope): string => nameForLanes(name, lanes, this.context.lanes);

  protected uniform(e: Expr, scope: Scope): string {
    const { suffix, isMask } = REPRESENTATION[e.dtype];
    const value = this.scalar.exact(e, scope);
    return isMask
      ? `${this.own("all_i", scope)}(-(int32_t)${value})`
      : `${this.own(`all_${suffix}`, scope)}(${value})`;
  }

  protected stepped(e: Expr, step: number, scope: Scope): string {
    const first = this.scalar.integer(e, { ...scope, lane: 0 });
    const offsets = Array.from({ length: scope.lanes }, (_, lane) => step * lane);
    return `(${this.own("all_i", scope)}((int32_t)${first}) + (${this.own("ints", scope)}){${offsets.join(", ")}})`;
  }

  protected laneByLane(e: Expr, scope: Scope): string {
    const { lanes, isMask } = REPRESENTATION[e.dtype];
    const values = Array.from({ length: scope.lanes }, (_, lane) => {
      const value = this.scalar.print(e, { ...scope, lane });
      if (isMask) return `-(int32_t)${value}`;
      return isFloat(e.dtype) ? value : `(${REPRESENTATION[e.dtype].scalar})${value}`;
    });
    return `(${this.own(lanes, scope)}){${values.join(", ")}}`;
  }

  protected named(name: string, scope: Scope): string {
    return placeOf(name, scope).text;
  }

  protected load(e: Of<"load">, scope: Scope): string | undefined {
    if (laneStepOf(e.index, scope) !== 1) return undefined;
    const at = `${this.context.access(e.buffer)} + ${this.scalar.integer(e.index, { ...scope, lane: 0 })}`;
    if (!isByte(e.dtype)) return `${this.own(`load_${REPRESENTATION[e.dtype].suffix}`, scope)}(${at})`;
    const bytes = `${this.own("load_b", scope)}(${at})`;
    return e.dtype === "bool" ? `(${bytes} != 0)` : bytes;
  }

  protected unary(e: Of<"unary">, scope: Scope): string | undefined {
    if (e.op === "not") return `(~${this.print(e.a, scope)})`;
    if (!isFloat(e.a.dtype)) return undefined;
    const a = this.print(e.a, scope);
    if (isElementary(e.op)) {
      this.context.used.add(e.op);
      return `${this.own(vectorMath(e.op), scope)}(${a})`;
    }
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
      case "isnan":
        return `${this.own(`${e.op}_v`, scope)}(${a})`;
      default:
        return e.op satisfies never;
    }
  }

  protected binary(e: Of<"binary">, scope: Scope): string | undefined {
    const isOfFloats = isFloat(e.dtype);
    const both = (sign: string): string => `(${this.print(e.a, scope)} ${sign} ${this.print(e.b, scope)})`;
    const called = (name: string): string =>
      `${this.own(name, scope)}(${this.print(e.a, scope)}, ${this.print(e.b, scope)})`;
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

  /** `a·b + c`, rounded once if the processor does. */
  private multiplyAdd(e: Of<"binary">, scope: Scope): string | undefined {
    const operands = this.multiplyAddOf(e, scope);
    return operands && `${this.own("fused_v", scope)}(${operands.join(", ")})`;
  }

  protected compare(e: Of<"compare">, scope: Scope): string {
    // Masks are 0 and -1, in the opposite order of booleans.
    const isReversed = e.a.dtype === "bool" && e.op !== "eq" && e.op !== "ne";
    const [a, b] = isReversed ? [e.b, e.a] : [e.a, e.b];
    return `(${this.own("ints", scope)})(${this.print(a, scope)} ${COMPARE[e.op]} ${this.print(b, scope)})`;
  }

  protected either(e: Of<"select">, taken: Scope, scope: Scope): string {
    const condition = this.scalar.print(e.condition, scope);
    return `(${condition} ? ${this.print(e.a, taken)} : ${this.print(e.b, scope)})`;
  }

  protected chosen(e: Of<"select">, scope: Scope): string {
    const sides = [e.a, e.b].map((side) => this.print(side, scope)).join(", ");
    return `${this.own(`choose_${REPRESENTATION[e.dtype].suffix}`, scope)}(${this.print(e.condition, scope)}, ${sides})`;
  }

  protected cast(e: Of<"cast">, scope: Scope): string {
    const a = this.print(e.a, scope);
    const from = e.a.dtype;
    switch (e.dtype) {
      case "float32":
        if (isFloat(from)) return a;
        return `${this.own(from === "bool" ? "from_mask_f" : `from_${REPRESENTATION[from].suffix}_f`, scope)}(${a})`;
      case "bool":
        return from === "bool" ? a : `(${this.own("ints", scope)})(${a} != 0)`;
      case "int32":
      case "uint32":
      case "uint8": {
        const whole =
          from === "bool" ? `(${a} & 1)` : isFloat(from) ? `${this.own("whole_v", scope)}(${a})` : a;
        return `(${this.own(REPRESENTATION[e.dtype].lanes, scope)})${whole}`;
      }
      default:
        return e.dtype satisfies never;
    }
  }
}
