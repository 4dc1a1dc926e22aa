/**
 * Finds loads that may leave their buffer. This depends on the ranges of loops and the guards of `select`, which differ
 * from place to place; a part that several places share is examined once with what they have in common, and again only
 * if that does not suffice.
 */

import type { Range, RangeContext } from "./range.ts";
import { simplify } from "./simplify.ts";
import type { Expr, ReduceAxis } from "./types.ts";
import { axesKey, children, freeNames, substitute } from "./walk.ts";

type Load = Extract<Expr, { kind: "load" }>;

/** A load that was not proved to stay inside, and the range of its index. */
export interface LooseLoad {
  readonly load: Load;
  readonly range: Range;
}

/** Whether a range of indices is inside a buffer of `length` elements. */
export const isInside = ({ low, high }: Range, length: number): boolean => low >= 0 && high < length;

export class LoadBounds {
  private readonly lengthOf: (buffer: string) => number;
  private readonly settled: (e: Expr) => Expr;
  private readonly known = new Map<RangeContext, Known>();

  /** `lengthOf` gives the elements of a buffer; `settled` replaces locals in an index or condition by their values. */
  constructor(lengthOf: (buffer: string) => number, settled: (e: Expr) => Expr = (e) => e) {
    this.lengthOf = lengthOf;
    this.settled = settled;
  }

  /** Some load below `e` that may leave its buffer under `context`; `undefined` if there is none. */
  looseIn(e: Expr, context: RangeContext): LooseLoad | undefined {
    const { found, inner } = this.at(context);
    if (found.has(e)) return found.get(e);
    if (inner !== undefined && !inner.axes.some(({ name }) => freeNames(e).has(name)))
      return this.looseIn(e, inner.outside);
    const loose = this.find(e, context);
    found.set(e, loose);
    return loose;
  }

  /** Whether `load` itself may leave its buffer, whatever its index loads. */
  looseAt(load: Load, context: RangeContext): LooseLoad | undefined {
    const length = this.lengthOf(load.buffer);
    // The values of locals are used if their own ranges do not suffice, and what guards determine after that.
    if (isInside(context.rangeOf(load.index), length)) return undefined;
    const index = this.settled(load.index);
    const range = context.rangeOf(index);
    if (isInside(range, length)) return undefined;
    const determined = context.determined();
    if (determined.size === 0) return { load, range };
    const left = context.rangeOf(simplify(substitute(index, determined), context));
    return isInside(left, length) ? undefined : { load, range: left };
  }

  private find(e: Expr, context: RangeContext): LooseLoad | undefined {
    switch (e.kind) {
      case "load": {
        return this.looseIn(e.index, context) ?? this.looseAt(e, context);
      }
      case "select":
        return (
          this.looseIn(e.condition, context) ??
          this.looseInTaken(e.a, e.condition, context) ??
          this.looseIn(e.b, context)
        );
      case "reduce":
        return this.looseIn(e.body, this.within(e.axes, context));
      default:
        for (const child of children(e)) {
          const loose = this.looseIn(child, context);
          if (loose !== undefined) return loose;
        }
        return undefined;
    }
  }

  /** The guard is used only if needed: what stays inside without it does so with it. */
  private looseInTaken(e: Expr, condition: Expr, context: RangeContext): LooseLoad | undefined {
    if (e.kind !== "load" && this.looseIn(e, context) === undefined) return undefined;
    const { taken } = this.at(context);
    let inside = taken.get(condition);
    if (inside === undefined) {
      inside = context.withCondition(this.settled(condition));
      taken.set(condition, inside);
    }
    return this.looseIn(e, inside);
  }

  private within(axes: readonly ReduceAxis[], context: RangeContext): RangeContext {
    if (axes.length === 0) return context;
    const { reduced } = this.at(context);
    const key = axesKey(axes);
    let inside = reduced.get(key);
    if (inside === undefined) {
      inside = axes.reduce((c, { name, extent }) => c.withLoop(name, extent), context);
      this.known.set(inside, { ...unknown(), inner: { axes, outside: context } });
      reduced.set(key, inside);
    }
    return inside;
  }

  private at(context: RangeContext): Known {
    let known = this.known.get(context);
    if (known === undefined) {
      known = unknown();
      this.known.set(context, known);
    }
    return known;
  }
}

/** What was found out under one context, and the contexts inside it. */
interface Known {
  readonly found: Map<Expr, LooseLoad | undefined>;
  readonly taken: Map<Expr, RangeContext>;
  readonly reduced: Map<string, RangeContext>;
  /** The axes that it is inside of, and what is known outside them. */
  readonly inner?: { readonly axes: readonly ReduceAxis[]; readonly outside: RangeContext };
}

const unknown = (): Known => ({ found: new Map(), taken: new Map(), reduced: new Map() });
