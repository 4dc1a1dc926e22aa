/** Prints statements as C: loops, locals, stores and lists, scalar or all iterations of a vector loop together. */

import { INDEX } from "../../../src/core/dtype.ts";
import { InternalError, invariant } from "../../../src/core/errors.ts";
import { add, local as localOf } from "../../../src/loop/build.ts";
import type { RangeContext } from "../../../src/loop/range.ts";
import type { Expr, Stmt } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { laneStepOf, placeOf, varies } from "../../lanes.ts";
import { canRunTogether, isVectorLoop } from "../../together.ts";
import { ScalarPrinter, withoutParentheses } from "./scalar.ts";
import { type FunctionContext, fewerLanes, type Place, type Scope } from "./scope.ts";
import { isByte, nameOf, REPRESENTATION } from "./spelling.ts";
import { VectorPrinter } from "./vector.ts";

type Of<K extends Stmt["kind"]> = Extract<Stmt, { kind: K }>;

export class StatementPrinter {
  private readonly context: FunctionContext;
  private readonly scalar: ScalarPrinter;
  private readonly vector: VectorPrinter;

  constructor(context: FunctionContext) {
    this.context = context;
    this.scalar = new ScalarPrinter(context);
    this.vector = new VectorPrinter(context, this.scalar);
  }

  body(statements: readonly Stmt[], indent: string, outer: Scope): string[] {
    const places = new Map(outer.places);
    let scope: Scope = { ...outer, places };
    return statements.flatMap((s) => {
      const lines = this.statement(s, indent, scope, places);
      scope = { ...scope, ranges: rangesBehind(s, scope.ranges) };
      return lines;
    });
  }

  /** The lines of one statement; the name it defines, if any, is added to `places`. */
  private statement(s: Stmt, indent: string, scope: Scope, places: Map<string, Place>): string[] {
    switch (s.kind) {
      case "for":
        return this.loop(s, indent, scope);
      case "let":
        return [indent + this.define(s, scope, places)];
      case "accumulator": {
        const isVector = scope.lanes > 1;
        const { scalar, lanes } = REPRESENTATION[s.init.dtype];
        const text = nameOf(s.name);
        const value = this.value(s.init, isVector, scope);
        places.set(s.name, { kind: "value", text, isVector });
        return [`${indent}${isVector ? this.vector.own(lanes, scope) : scalar} ${text} = ${value};`];
      }
      case "assign":
        return [indent + this.assign(s, scope)];
      case "store":
        return this.store(s, scope).map((line) => indent + line);
      case "if":
        return this.branch(s, indent, scope);
      case "append": {
        const index = add(s.base, localOf(s.count, INDEX));
        const count = placeOf(s.count, scope);
        return [
          ...s.values.map((v) => indent + this.storeScalar(v.buffer, index, v.value, scope)),
          `${indent}${count.text} += ${this.scalar.print(s.condition, scope)};`,
        ];
      }
      case "section":
        throw new InternalError("a section stands at the top of a kernel");
      default:
        return s satisfies never;
    }
  }

  private value(e: Expr, isVector: boolean, scope: Scope): string {
    return isVector ? this.vector.print(e, scope) : this.scalar.exact(e, scope);
  }

  private define({ name, value }: Of<"let">, scope: Scope, places: Map<string, Place>): string {
    const text = nameOf(name);
    const laneStep = isIndex(value) ? laneStepOf(value, scope) : undefined;
    if (laneStep !== undefined) {
      const line = `const int64_t ${text} = ${this.scalar.integer(value, scope)};`;
      places.set(name, { kind: "integer", text, laneStep });
      return line;
    }
    const isVector = varies(value, scope);
    const { scalar, lanes } = REPRESENTATION[value.dtype];
    const line = `const ${isVector ? this.vector.own(lanes, scope) : scalar} ${text} = ${this.value(value, isVector, scope)};`;
    places.set(name, { kind: "value", text, isVector });
    return line;
  }

  private loop(s: Of<"for">, indent: string, scope: Scope): string[] {
    if (s.extent === 0) return [];
    const lanes = scope.lanes > 1 ? undefined : this.lanesOf(s);
    const together = lanes !== undefined;
    const counter = nameOf(s.name);
    const places = new Map(scope.places);
    places.set(
      s.name,
      together
        ? { kind: "integer", text: "0", laneStep: 1 }
        : { kind: "integer", text: counter, laneStep: 0 },
    );
    const most = Math.max(0, (typeof s.extent === "number" ? s.extent : s.extent.most) - 1);
    let ranges = scope.ranges.withName(s.name, { low: 0, high: most });
    const [from, to] = this.bounds(s);
    const pointers: string[] = [];
    const uneven: string[] = [];
    const steps: string[] = [];
    const bumps: string[] = [];
    for (const { name, init, step } of s.inductions ?? []) {
      const start = scope.ranges.rangeOf(init);
      ranges = ranges.withName(name, {
        low: start.low + Math.min(0, step * most),
        high: start.high + Math.max(0, step * most),
      });
      const laneStep = laneStepOf(init, scope);
      const text = nameOf(name);
      if (laneStep === undefined) {
        uneven.push(`${this.vector.own("ints", scope)} ${text} = ${this.vector.print(init, scope)};`);
        bumps.push(`${text} += ${step};`);
        places.set(name, { kind: "value", text, isVector: true });
      } else {
        const first = this.scalar.integer(init, scope);
        pointers.push(`${text} = ${from === "0" ? first : `${first} + ${from} * ${step}`}`);
        steps.push(`${text} += ${step}`);
        places.set(name, { kind: "integer", text, laneStep: together ? step : laneStep });
      }
    }
    const inside: Scope = { ...scope, places, ranges, lanes: lanes ?? scope.lanes };
    const body = [...this.body(s.body, `${indent}  `, inside), ...bumps.map((bump) => `${indent}  ${bump}`)];
    const before = uneven.map((line) => `${indent}  ${line}`);
    if (together) {
      const starts = pointers.map((pointer) => `${indent}  const int64_t ${pointer};`);
      return [`${indent}{ // ${s.name} in ${lanes} lanes`, ...starts, ...body, `${indent}}`];
    }
    const head = `for (int64_t ${[`${counter} = ${from}`, ...pointers].join(", ")}; ${counter} < ${to}; ${[`${counter}++`, ...steps].join(", ")}) {`;
    const loop = [`${indent}${head}`, ...body, `${indent}}`];
    return before.length === 0 ? loop : [`${indent}{`, ...before, ...loop, `${indent}}`];
  }

  /** The number of lanes in which the iterations of a loop run together; undefined if they run one by one. */
  private lanesOf(s: Of<"for">): number | undefined {
    const { lanes: most } = this.context;
    return [most, ...fewerLanes(most)].find((lanes) => isVectorLoop(s, lanes) && canRunTogether(s, lanes));
  }

  /** The first iteration, and the end (exclusive). */
  private bounds(s: Of<"for">): readonly [string, string] {
    if (s.loop === "thread") {
      invariant(typeof s.extent === "number", "a thread loop has a known extent");
      return [`first_of(${s.extent}, thread, threads)`, `first_of(${s.extent}, thread + 1, threads)`];
    }
    return ["0", typeof s.extent === "number" ? `${s.extent}` : nameOf(s.extent.count)];
  }

  private assign({ name, value }: Of<"assign">, scope: Scope, mask?: string): string {
    const place = placeOf(name, scope);
    invariant(place.kind === "value", `${name} is an accumulator`);
    const printed = this.value(value, place.isVector, scope);
    if (mask === undefined) return `${place.text} = ${printed};`;
    const choose = this.vector.own(`choose_${REPRESENTATION[value.dtype].suffix}`, scope);
    return `${place.text} = ${choose}(${mask}, ${printed}, ${place.text});`;
  }

  /** If lanes differ, assignments keep the old value in the lanes that do not take part. */
  private branch(s: Of<"if">, indent: string, scope: Scope): string[] {
    if (!varies(s.condition, scope)) {
      const taken = { ...scope, ranges: scope.ranges.withCondition(s.condition) };
      const condition = withoutParentheses(this.scalar.print(s.condition, scope));
      return [`${indent}if (${condition}) {`, ...this.body(s.body, `${indent}  `, taken), `${indent}}`];
    }
    const mask = this.context.temporary();
    const assignments = s.body.map((inner) => {
      invariant(inner.kind === "assign", "lanes that differ only assign");
      return `${indent}${this.assign(inner, scope, mask)}`;
    });
    return [
      `${indent}const ${this.vector.own("ints", scope)} ${mask} = ${this.vector.print(s.condition, scope)};`,
      ...assignments,
    ];
  }

  private storeScalar(buffer: string, index: Expr, value: Expr, scope: Scope): string {
    return this.stored(buffer, index, this.scalar.exact(value, scope), scope);
  }

  private stored(buffer: string, index: Expr, value: string, scope: Scope): string {
    const { dtype } = this.context.buffers.get(buffer)!;
    const cast = isByte(dtype) ? "(uint8_t)" : "";
    return `${this.scalar.element(buffer, index, scope)} = ${cast}${value};`;
  }

  private store(s: Of<"store">, scope: Scope): string[] {
    if (!varies(s.index, scope) && !varies(s.value, scope))
      return [this.storeScalar(s.buffer, s.index, s.value, scope)];
    const value = this.vector.print(s.value, scope);
    const { dtype } = this.context.buffers.get(s.buffer)!;
    const { isMask, suffix, lanes } = REPRESENTATION[dtype];
    if (laneStepOf(s.index, scope) === 1) {
      const at = `${this.context.access(s.buffer)} + ${this.scalar.integer(s.index, { ...scope, lane: 0 })}`;
      if (!isByte(dtype)) return [`${this.vector.own(`store_${suffix}`, scope)}(${at}, ${value});`];
      return [`${this.vector.own("store_b", scope)}(${at}, ${isMask ? `(${value} & 1)` : value});`];
    }
    const all = this.context.temporary();
    return [
      `const ${this.vector.own(lanes, scope)} ${all} = ${value};`,
      ...Array.from({ length: scope.lanes }, (_, lane) => {
        const one = isMask ? `(${all}[${lane}] & 1)` : `${all}[${lane}]`;
        return this.stored(s.buffer, s.index, one, { ...scope, lane });
      }),
    ];
  }
}

/** The ranges known after `s`, which may define an integer. */
function rangesBehind(s: Stmt, ranges: RangeContext): RangeContext {
  if (s.kind === "let" && isIndex(s.value)) return ranges.withName(s.name, ranges.rangeOf(s.value));
  if (s.kind === "accumulator" && s.range !== undefined)
    return ranges.withName(s.name, { low: s.range[0], high: s.range[1] });
  return ranges;
}
