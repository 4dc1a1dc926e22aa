/**
 * Chooses the form of an expression in the lanes of a vector loop, for any target: one value broadcast to all, an
 * integer with a constant step, an operation on whole vectors, or, if there is none, lane by lane.
 */

import { InternalError } from "../src/core/errors.ts";
import type { RangeContext } from "../src/loop/range.ts";
import type { BufferParam, Expr } from "../src/loop/types.ts";
import { isIndex } from "../src/loop/typing.ts";
import { type LaneScope, laneStepOf, varies } from "./lanes.ts";
import { isSafe } from "./safety.ts";

type Of<K extends Expr["kind"]> = Extract<Expr, { kind: K }>;

/** The names known at a point of a kernel, and what is known about their values. */
interface ValueScope extends LaneScope {
  readonly ranges: RangeContext;
}

/** `Code` is the type of printed expressions. Methods return `undefined` for what has no form for whole vectors. */
export abstract class LanePrinter<Code, Scope extends ValueScope> {
  protected abstract readonly buffers: ReadonlyMap<string, BufferParam>;

  /** The values of `e` in all lanes. */
  print(e: Expr, scope: Scope): Code {
    if (!varies(e, scope)) return this.uniform(e, scope);
    if (isIndex(e)) {
      const step = laneStepOf(e, scope);
      if (step !== undefined) return this.stepped(e, step, scope);
    }
    return this.whole(e, scope) ?? this.laneByLane(e, scope);
  }

  private whole(e: Expr, scope: Scope): Code | undefined {
    switch (e.kind) {
      case "var":
      case "local":
        return this.named(e.name, scope);
      case "load":
        return this.load(e, scope);
      case "unary":
        return this.unary(e, scope);
      case "binary":
        return this.binary(e, scope);
      case "compare":
        return this.compare(e, scope);
      case "select":
        return this.select(e, scope);
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

  /** Both sides are computed, which must be safe; or only one of them, if all lanes choose alike. */
  private select(e: Of<"select">, scope: Scope): Code | undefined {
    if (!varies(e.condition, scope)) {
      const taken: Scope = { ...scope, ranges: scope.ranges.withCondition(e.condition) };
      return this.either(e, taken, scope);
    }
    if (![e.a, e.b].every((side) => isSafe(side, scope.ranges, this.buffers))) return undefined;
    return this.chosen(e, scope);
  }

  /** The printed operands of `a·b + c` whose product varies; undefined for other sums. */
  protected multiplyAddOf(e: Of<"binary">, scope: Scope): readonly Code[] | undefined {
    const [product, rest] = e.b.kind === "binary" && e.b.op === "mul" ? [e.b, e.a] : [e.a, e.b];
    if (product.kind !== "binary" || product.op !== "mul" || !varies(product, scope)) return undefined;
    return [product.a, product.b, rest].map((x) => this.print(x, scope));
  }

  /** A value that all lanes share, in every lane. */
  protected abstract uniform(e: Expr, scope: Scope): Code;
  /** An integer that grows by `step` from lane to lane. */
  protected abstract stepped(e: Expr, step: number, scope: Scope): Code;
  /** Single values as lanes. */
  protected abstract laneByLane(e: Expr, scope: Scope): Code;
  protected abstract named(name: string, scope: Scope): Code;
  protected abstract load(e: Of<"load">, scope: Scope): Code | undefined;
  protected abstract unary(e: Of<"unary">, scope: Scope): Code | undefined;
  protected abstract binary(e: Of<"binary">, scope: Scope): Code | undefined;
  protected abstract compare(e: Of<"compare">, scope: Scope): Code | undefined;
  protected abstract cast(e: Of<"cast">, scope: Scope): Code;
  /** One side in all lanes, by a condition that they share; `taken` has what is known where it holds. */
  protected abstract either(e: Of<"select">, taken: Scope, scope: Scope): Code;
  /** For each lane one of both sides. */
  protected abstract chosen(e: Of<"select">, scope: Scope): Code;
}
