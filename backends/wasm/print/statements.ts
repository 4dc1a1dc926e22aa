/**
 * Prints statements as instructions: loops, locals, stores and
 * lists, scalar or four iterations of a vector loop together.
 */

import { INDEX } from "../../../src/core/dtype.ts";
import { InternalError, invariant } from "../../../src/core/errors.ts";
import { addAffine, toAffine } from "../../../src/loop/affine.ts";
import { add, int, local as localOf, mul, variable } from "../../../src/loop/build.ts";
import { printExpr } from "../../../src/loop/print.ts";
import type { RangeContext } from "../../../src/loop/range.ts";
import type { Expr, Stmt } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { someExpr } from "../../../src/loop/walk.ts";
import { laneStepOf, placeOf, varies } from "../../lanes.ts";
import { canRunTogether, isVectorLoop } from "../../together.ts";
import {
  comment,
  get,
  type Instruction,
  i32,
  operation,
  set,
  shuffle,
  tee,
  when,
} from "../encode/instructions.ts";
import type { FunctionContext, Scope } from "./context.ts";
import { addressOf } from "./index-form.ts";
import { type LoopPlaces, loopBetween, loopOf, once } from "./loops.ts";
import { type IntegerPlace, integerPlace, type Place, type UniformPlace, uniformPlace } from "./places.ts";
import { laneOf, STORED, spreadValue, valueType } from "./representation.ts";
import { ScalarPrinter } from "./scalar.ts";
import { bytesOfLanes, LANES, VectorPrinter } from "./vector.ts";

type Of<K extends Stmt["kind"]> = Extract<Stmt, { kind: K }>;

/** Instructions, or those that are known only after everything behind them has been printed. */
type Part = readonly Instruction[] | (() => readonly Instruction[]);

export class StatementPrinter {
  private readonly context: FunctionContext;
  private readonly scalar: ScalarPrinter;
  private readonly vector: VectorPrinter;

  constructor(context: FunctionContext) {
    this.context = context;
    this.scalar = new ScalarPrinter(context);
    this.vector = new VectorPrinter(context, this.scalar);
  }

  body(statements: readonly Stmt[], outer: Scope): readonly Instruction[] {
    const places = new Map(outer.places);
    let scope: Scope = { ...outer, places };
    const parts: Part[] = [];
    for (let k = 0; k < statements.length; k++) {
      const s = statements[k];
      const next = statements[k + 1];
      if (next?.kind === "store" && isPair(s, next, scope)) {
        parts.push(this.storePair(s, next, scope));
        k++;
        continue;
      }
      parts.push(this.statement(s, scope, places));
      scope = { ...scope, ranges: rangesBehind(s, scope.ranges) };
    }
    // From the back: a definition is used by what follows it, and uses the names of its operands.
    const fromBack = parts.reverse().map((part) => (typeof part === "function" ? part() : part));
    return fromBack.reverse().flat();
  }

  /** Prints one statement; the name it defines, if any, is added to `places`. */
  private statement(s: Stmt, scope: Scope, places: Map<string, Place>): Part {
    switch (s.kind) {
      case "for":
        return this.loop(s, scope);
      case "let":
        return this.define(s, scope, places);
      case "accumulator": {
        const isVector = scope.isVector;
        const local = this.context.local(s.name, isVector ? "v128" : valueType(s.init.dtype));
        const value = this.value(s.init, isVector, scope);
        places.set(s.name, { kind: "value", local, isVector });
        return [set(local, value)];
      }
      case "assign":
        return [this.assign(s, scope)];
      case "store":
        return [comment(`${s.buffer}[${printExpr(s.index)}] = …`), ...this.store(s, scope)];
      case "if":
        return this.branch(s, scope);
      case "append":
        return this.append(s, scope);
      case "section":
        throw new InternalError("a section stands at the top of a kernel");
      default:
        return s satisfies never;
    }
  }

  private value(e: Expr, isVector: boolean, scope: Scope): Instruction {
    return isVector ? this.vector.print(e, scope) : this.scalar.print(e, scope);
  }

  private define({ name, value }: Of<"let">, scope: Scope, places: Map<string, Place>): Part {
    const laneStep = laneStepOf(value, scope);
    if (isIndex(value) && laneStep !== undefined) {
      const place = integerPlace(name, { laneStep });
      places.set(name, place);
      return () => this.start(place, value, scope);
    }
    const isVector = varies(value, scope);
    if (scope.isVector && !isVector) {
      const place = uniformPlace(name, value.dtype);
      places.set(name, place);
      return () => this.spread(place, value, scope);
    }
    const local = this.context.local(name, isVector ? "v128" : valueType(value.dtype));
    const printed = this.value(value, isVector, scope);
    places.set(name, { kind: "value", local, isVector });
    return [set(local, printed)];
  }

  /** Assigns an integer its first value, in the forms that are used. */
  private start(place: IntegerPlace, value: Expr, scope: Scope): readonly Instruction[] {
    const { elements, bytes } = place;
    const first: Scope = { ...scope, lane: scope.lane ?? 0 };
    const starts: Instruction[] = [];
    if (elements) starts.push(set(elements, this.scalar.scaled(value, 1, first)));
    if (bytes) {
      const scaled = elements
        ? operation("i32.shl", get(elements), i32(2))
        : this.scalar.scaled(value, 4, first);
      starts.push(set(bytes, scaled));
    }
    return starts;
  }

  /** Computes a value that all lanes share, in the forms that are used. */
  private spread({ scalar, splat }: UniformPlace, value: Expr, scope: Scope): readonly Instruction[] {
    if (splat === undefined) return scalar ? [set(scalar, this.scalar.print(value, scope))] : [];
    if (scalar === undefined) return [set(splat, this.vector.spread(value, scope))];
    return [set(scalar, this.scalar.print(value, scope)), set(splat, spreadValue(get(scalar), value.dtype))];
  }

  private loop(s: Of<"for">, scope: Scope): readonly Instruction[] {
    if (s.extent === 0) return [];
    if (s.loop === "thread") this.context.divide();
    const together = !scope.isVector && isVectorLoop(s, LANES.length) && canRunTogether(s, LANES.length);
    const counter = integerPlace(s.name, together ? { laneStep: 1, isLane: true } : {});
    const places = new Map<string, Place>(scope.places).set(s.name, counter);
    const most = Math.max(0, (typeof s.extent === "number" ? s.extent : s.extent.most) - 1);
    let ranges = scope.ranges.withName(s.name, { low: 0, high: most });
    const pointers: LoopPlaces["pointers"][number][] = [];
    for (const { name, init, step } of s.inductions ?? []) {
      const start = scope.ranges.rangeOf(init);
      ranges = ranges.withName(name, {
        low: start.low + Math.min(0, step * most),
        high: start.high + Math.max(0, step * most),
      });
      const laneStep = laneStepOf(init, scope);
      if (laneStep === undefined) {
        const local = this.context.local(name, "v128");
        places.set(name, { kind: "value", local, isVector: true });
        pointers.push({ local, step, start: [set(local, this.vector.print(init, scope))] });
      } else {
        const place = integerPlace(name, { laneStep: together ? step : laneStep });
        places.set(name, place);
        // A thread's share begins at its own first iteration, which the counter holds by then.
        const from = s.loop === "thread" ? add(init, mul(variable(s.name), int(step))) : init;
        pointers.push({ place, step, start: () => this.start(place, from, { ...scope, places }) });
      }
    }
    const body = this.body(s.body, { ...scope, places, ranges, isVector: scope.isVector || together });
    const title = comment(
      `for ${s.name} in ${typeof s.extent === "number" ? s.extent : s.extent.count} ${s.loop}${together ? ", together" : ""}`,
    );
    const around: LoopPlaces = { name: s.name, counter, pointers, body, context: this.context };
    if (s.loop === "thread") return [title, ...this.ownShare(s, around)];
    if (together || s.extent === 1) return [title, ...once(around)];
    if (typeof s.extent === "number") return [title, ...loopOf(around, s.extent)];
    const count = this.scalar.print(localOf(s.extent.count, INDEX), scope);
    return [title, when(operation("i32.gt_s", count, i32(0)), loopOf(around, count))];
  }

  private ownShare({ extent }: Of<"for">, around: LoopPlaces): readonly Instruction[] {
    invariant(typeof extent === "number", "a thread loop has a known extent");
    const { first, last } = this.context.ownIterations(extent);
    return [when(operation("i32.lt_u", first, last), loopBetween(around, first, last))];
  }

  private assign({ name, value }: Of<"assign">, scope: Scope, mask?: Instruction): Instruction {
    const place = placeOf(name, scope);
    invariant(place.kind === "value", `${name} is an accumulator`);
    const printed = this.value(value, place.isVector, scope);
    if (mask === undefined) return set(place.local, printed);
    return set(place.local, operation("v128.bitselect", printed, get(place.local), mask));
  }

  /** If lanes differ, assignments keep the old value in the lanes that do not take part. */
  private branch(s: Of<"if">, scope: Scope): readonly Instruction[] {
    if (!varies(s.condition, scope)) {
      const taken = { ...scope, ranges: scope.ranges.withCondition(s.condition) };
      return [when(this.scalar.print(s.condition, scope), this.body(s.body, taken))];
    }
    const mask = this.context.temporary("v128");
    const assignments = s.body.map((inner) => {
      invariant(inner.kind === "assign", "lanes that differ only assign");
      return this.assign(inner, scope, get(mask));
    });
    return [set(mask, this.vector.print(s.condition, scope)), ...assignments];
  }

  private append(s: Of<"append">, scope: Scope): readonly Instruction[] {
    const index = add(s.base, localOf(s.count, INDEX));
    const place = placeOf(s.count, scope);
    invariant(place.kind === "value" && !place.isVector, `${s.count} counts a list`);
    const more = operation("i32.add", get(place.local), this.scalar.print(s.condition, scope));
    return [
      ...s.values.map(({ buffer, value }) => this.storeScalar(buffer, index, value, scope)),
      set(place.local, more),
    ];
  }

  private storeScalar(buffer: string, index: Expr, value: Expr, scope: Scope): Instruction {
    return this.storeValue(buffer, index, this.scalar.print(value, scope), scope);
  }

  private storeValue(buffer: string, index: Expr, value: Instruction, scope: Scope): Instruction {
    const at = addressOf(buffer, index, scope, this.context, this.scalar.print);
    return this.stored(buffer).store(at, value);
  }

  private stored(buffer: string) {
    return STORED[this.context.buffers.get(buffer)!.dtype];
  }

  /** Stores two vectors whose lanes alternate in memory. */
  private storePair(even: Of<"store">, odd: Of<"store">, scope: Scope): readonly Instruction[] {
    const [a, b] = [this.context.temporary("v128"), this.context.temporary("v128")];
    const storeAt = (index: Expr, lanes: readonly number[]): Instruction => {
      const at = addressOf(even.buffer, index, { ...scope, lane: 0 }, this.context, this.scalar.print);
      return this.stored(even.buffer).storeLanes(at, shuffle(lanes, get(a), get(b)));
    };
    return [
      comment(`${even.buffer}[${printExpr(even.index)}] = …, and what stands between`),
      set(a, this.vector.print(even.value, scope)),
      set(b, this.vector.print(odd.value, scope)),
      storeAt(even.index, bytesOfLanes(0, 4, 1, 5)),
      storeAt(add(even.index, int(4)), bytesOfLanes(2, 6, 3, 7)),
    ];
  }

  private store(s: Of<"store">, scope: Scope): readonly Instruction[] {
    if (!varies(s.index, scope) && !varies(s.value, scope))
      return [this.storeScalar(s.buffer, s.index, s.value, scope)];
    const value = this.vector.print(s.value, scope);
    if (laneStepOf(s.index, scope) === 1) {
      const first: Scope = { ...scope, lane: 0 };
      const at = addressOf(s.buffer, s.index, first, this.context, this.scalar.print);
      return [this.stored(s.buffer).storeLanes(at, value)];
    }
    const all = this.context.temporary("v128");
    return LANES.map((lane) => {
      const from = lane === 0 ? tee(all, value) : get(all);
      return this.storeValue(s.buffer, s.index, laneOf(from, lane, s.value.dtype), { ...scope, lane });
    });
  }
}

/** Whether two stores in lanes fill every other element each, and together a contiguous range. */
function isPair(even: Stmt, odd: Of<"store">, scope: Scope): even is Of<"store"> {
  if (even.kind !== "store" || even.buffer !== odd.buffer) return false;
  if (!scope.isVector || [even, odd].some(({ value }) => valueType(value.dtype) !== "f32")) return false;
  if (laneStepOf(even.index, scope) !== 2 || laneStepOf(odd.index, scope) !== 2) return false;
  const { constant, terms } = addAffine(toAffine(odd.index), toAffine(even.index), -1);
  const isNext = constant === 1 && terms.size === 0;
  return isNext && !someExpr(odd.value, (e) => e.kind === "load" && e.buffer === even.buffer);
}

/** The ranges known after `s`, which may define an integer. */
function rangesBehind(s: Stmt, ranges: RangeContext): RangeContext {
  if (s.kind === "let" && isIndex(s.value)) return ranges.withName(s.name, ranges.rangeOf(s.value));
  if (s.kind === "accumulator" && s.range !== undefined)
    return ranges.withName(s.name, { low: s.range[0], high: s.range[1] });
  return ranges;
}
