/** Interval arithmetic over int32 expressions: the values that an index can take under its loops and guards. */

import { byteSize, isFloat } from "../core/dtype.ts";
import {
  type Affine,
  addAffine,
  coefficientOf,
  fromAffine,
  greatestCommonDivisor,
  occursInside,
  scaleAffine,
  sumOf,
  toAffine,
} from "./affine.ts";
import { givesPosition } from "./semantics.ts";
import type { Expr } from "./types.ts";
import { isIndex } from "./typing.ts";
import { substitute } from "./walk.ts";

/** Inclusive bounds; infinite if nothing is known. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const ANY: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/** The range of a byte. */
const BYTE: Range = { low: 0, high: 255 };

/** Under a guard that never holds nothing is evaluated: expressions there have no values. */
const NOWHERE: Range = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };

/** Any 32-bit word: their sums wrap around, so no more is known. */
const WORD: Range = { low: 0, high: 2 ** 32 - 1 };

/** An integer expression known to lie in a range, because a guard said so. */
export interface Guard {
  readonly form: Affine;
  readonly range: Range;
}

/** Ranges by name, the innermost first: few names are in scope, and extending a list copies none of them. */
interface Named {
  readonly name: string;
  readonly range: Range;
  readonly outer: Named | undefined;
}

function rangeNamed(names: Named | undefined, name: string): Range | undefined {
  for (let known = names; known !== undefined; known = known.outer)
    if (known.name === name) return known.range;
  return undefined;
}

/** Each nested choice adds guards of its own: at depth twenty there would be a million sets of them. */
const MOST_CHOICES = 3;

/** What is known at a point of a kernel. Immutable; `with…` return an extended copy. */
export class RangeContext {
  private readonly names: Named | undefined;
  private readonly bufferRanges: Named | undefined;
  private readonly guards: readonly Guard[];
  /** Whether the guards contradict themselves or the loops around them, so that nothing here is ever evaluated. */
  private readonly unreachable: boolean;
  private groups: readonly Guard[] | undefined;
  /** How many choices `rangeOf` is inside of, whose guards are all among the guards. */
  private choices = 0;
  /** Ranges of choices, extremes and quotients, which may share their parts. */
  private known: Map<Expr, Range> | undefined;
  private taken: Map<Expr, RangeContext> | undefined;

  constructor(
    names?: Named,
    bufferRanges?: Named,
    guards: readonly Guard[] = [],
    unreachable: boolean = false,
  ) {
    this.names = names;
    this.bufferRanges = bufferRanges;
    this.guards = guards;
    this.unreachable = unreachable;
  }

  withName(name: string, range: Range): RangeContext {
    const names = { name, range, outer: this.names };
    return new RangeContext(names, this.bufferRanges, this.guards, this.unreachable);
  }

  /** Inside a loop over `extent` iterations; inside one without iterations nothing is ever evaluated. */
  withLoop(name: string, extent: number): RangeContext {
    const inside = this.withName(name, { low: 0, high: Math.max(extent - 1, 0) });
    return extent > 0 ? inside : inside.neverReached();
  }

  withBuffer(name: string, range: Range): RangeContext {
    const bufferRanges = { name, range, outer: this.bufferRanges };
    return new RangeContext(this.names, bufferRanges, this.guards, this.unreachable);
  }

  /** Adds what a true condition implies about integers: conjunctions of comparisons with constants. */
  withCondition(condition: Expr): RangeContext {
    if (condition.kind === "binary" && condition.op === "and") {
      return this.withCondition(condition.a).withCondition(condition.b);
    }
    if (condition.kind === "const") return condition.value === 0 ? this.neverReached() : this;
    if (condition.kind !== "compare" || !isIndex(condition.a)) return this;
    const difference = addAffine(toAffine(condition.a), toAffine(condition.b), -1);
    const range = rangeBelow(condition.op);
    if (range === undefined) return this;
    const guard = tightened(difference.terms, {
      low: range.low - difference.constant,
      high: range.high - difference.constant,
    });
    const possible = intersect(this.rangeOfAffine(guard.form), guard.range);
    if (possible.low > possible.high) return this.neverReached();
    if (guard.form.terms.size === 0) return this;
    const guards = [...this.guards, guard];
    return new RangeContext(this.names, this.bufferRanges, guards, this.unreachable);
  }

  /**
   * The names whose values the guards determine: from `2 <= x + 2·y <= 2` follows `x = 2 - 2·y`. Each is in terms of
   * names that are not determined: the elimination of equalities in the omega test (Pugh 1991).
   */
  determined(): ReadonlyMap<string, Expr> {
    const solved = new Map<string, Expr>();
    for (const { form, range } of guardGroups(this.guards)) {
      const { low, high } = intersect(range, this.intervalOf(form));
      if (low !== high) continue;
      const left = toAffine(substitute(fromAffine(form), solved));
      const unit = [...left.terms.values()].find(
        ({ atom, coefficient }) =>
          atom.kind === "var" && Math.abs(coefficient) === 1 && !occursInside(left, atom.name),
      );
      if (unit === undefined || unit.atom.kind !== "var") continue;
      // `±x + rest = low`
      const rest = addAffine(left, sumOf([unit]), -1);
      const value = addAffine({ constant: low, terms: new Map() }, rest, -1);
      const found = new Map([[unit.atom.name, fromAffine(scaleAffine(value, unit.coefficient))]]);
      for (const [name, e] of solved) solved.set(name, substitute(e, found));
      solved.set(unit.atom.name, found.get(unit.atom.name)!);
    }
    return solved;
  }

  private neverReached(): RangeContext {
    return new RangeContext(this.names, this.bufferRanges, this.guards, true);
  }

  /** Bounds of an int32 expression. */
  rangeOf(e: Expr): Range {
    if (this.unreachable) return NOWHERE;
    if (e.dtype === "uint32") return WORD;
    switch (e.kind) {
      case "const":
        return { low: e.value, high: e.value };
      case "var":
      case "local":
        return this.ofName(e);
      case "load":
        return rangeNamed(this.bufferRanges, e.buffer) ?? (byteSize(e.dtype) === 1 ? BYTE : ANY);
      case "compare":
        return { low: 0, high: 1 };
      case "scalar":
      case "unary":
        return ANY;
      default: {
        this.known ??= new Map();
        let range = this.known.get(e);
        if (range === undefined) {
          range = this.rangeOfWhole(e);
          this.known.set(e, range);
        }
        return range;
      }
    }
  }

  private rangeOfWhole(e: Extract<Expr, { kind: "cast" | "select" | "binary" | "reduce" }>): Range {
    switch (e.kind) {
      case "cast":
        return isFloat(e.a.dtype) || e.a.dtype === "uint32" ? ANY : this.rangeOf(e.a);
      case "select": {
        const a = this.chosen(e.condition).rangeOf(e.a);
        const b = this.rangeOf(e.b);
        return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
      }
      case "binary":
        switch (e.op) {
          case "add":
          case "sub":
          case "mul": {
            const form = toAffine(e);
            if (form.terms.size === 1 && [...form.terms.values()][0].atom === e)
              return this.product(e.a, e.b);
            return this.rangeOfAffine(form);
          }
          case "div": {
            if (e.b.kind !== "const" || e.b.value <= 0) return ANY;
            const { low, high } = this.rangeOf(e.a);
            return this.guarded(e, { low: Math.floor(low / e.b.value), high: Math.floor(high / e.b.value) });
          }
          case "mod": {
            if (e.b.kind !== "const" || e.b.value <= 0) return ANY;
            const inner = this.rangeOf(e.a);
            if (inner.low >= 0 && inner.high < e.b.value) return inner;
            return this.guarded(e, { low: 0, high: e.b.value - 1 });
          }
          case "max":
          case "min": {
            const a = this.rangeOf(e.a);
            const b = this.rangeOf(e.b);
            const pick = e.op === "max" ? Math.max : Math.min;
            return { low: pick(a.low, b.low), high: pick(a.high, b.high) };
          }
          default:
            return ANY;
        }
      case "reduce":
        return givesPosition(e.op)
          ? { low: 0, high: e.axes.reduce((n, axis) => n * axis.extent, 1) - 1 }
          : ANY;
      default:
        return e satisfies never;
    }
  }

  /** What is known where a choice takes its first side; less inside many nested choices. */
  private chosen(condition: Expr): RangeContext {
    if (this.choices === MOST_CHOICES) return this;
    this.taken ??= new Map();
    let inside = this.taken.get(condition);
    if (inside === undefined) {
      inside = this.withCondition(condition);
      if (inside !== this) inside.choices = this.choices + 1;
      this.taken.set(condition, inside);
    }
    return inside;
  }

  /** `range` narrowed by guards on the very expression `e`. */
  private guarded(e: Expr, range: Range): Range {
    if (this.guards.length === 0) return range;
    const [key] = toAffine(e).terms.keys();
    return this.guards.reduce((known, { form, range: bounds }) => {
      const isSame = form.terms.size === 1 && form.terms.get(key)?.coefficient === 1;
      return isSame ? intersect(known, bounds) : known;
    }, range);
  }

  private product(a: Expr, b: Expr): Range {
    const x = this.rangeOf(a);
    const y = this.rangeOf(b);
    const corners = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
    if (corners.some(Number.isNaN)) return ANY;
    return { low: Math.min(...corners), high: Math.max(...corners) };
  }

  /**
   * Bounds of an affine form. Each guard whose terms are contained in the form, scaled alike, is replaced
   * by one unknown with the guard's range, so that `n*C + (y+ky-2)*W` profits from `0 <= y+ky-2 < H`.
   */
  rangeOfAffine(form: Affine): Range {
    const plain = this.intervalOf(form);
    if (this.guards.length === 0) return plain;
    let remaining = form;
    let guarded: Range = { low: 0, high: 0 };
    this.groups ??= guardGroups(this.guards);
    for (const group of this.groups) {
      const factor = containedFactor(remaining, group.form);
      if (factor === undefined) continue;
      remaining = addAffine(remaining, group.form, -factor);
      const own = this.intervalOf(group.form);
      const bounds = intersect(group.range, own);
      guarded = {
        low: guarded.low + (factor > 0 ? factor * bounds.low : factor * bounds.high),
        high: guarded.high + (factor > 0 ? factor * bounds.high : factor * bounds.low),
      };
    }
    const rest = this.intervalOf(remaining);
    return intersect(plain, { low: rest.low + guarded.low, high: rest.high + guarded.high });
  }

  private intervalOf(form: Affine): Range {
    let low = form.constant;
    let high = form.constant;
    form.terms.forEach(({ atom, coefficient }) => {
      const range =
        atom.kind === "var" || atom.kind === "local"
          ? (rangeNamed(this.names, atom.name) ?? ANY)
          : this.rangeOf(atom);
      low += coefficient > 0 ? coefficient * range.low : coefficient * range.high;
      high += coefficient > 0 ? coefficient * range.high : coefficient * range.low;
    });
    return { low, high };
  }

  private ofName(e: Extract<Expr, { kind: "var" | "local" }>): Range {
    const range = rangeNamed(this.names, e.name) ?? ANY;
    return this.guards.length === 0 ? range : intersect(range, this.rangeOfAffine(toAffine(e)));
  }
}

/** Guards on the same expression merged, longest first, so that the most specific is used first. */
function guardGroups(guards: readonly Guard[]): Guard[] {
  const groups = new Map<string, Guard>();
  for (const guard of guards) {
    const key = [...guard.form.terms]
      .map(([name, t]) => `${t.coefficient}${name}`)
      .sort()
      .join("+");
    const known = groups.get(key);
    groups.set(
      key,
      known === undefined ? guard : { form: guard.form, range: intersect(known.range, guard.range) },
    );
  }
  return [...groups.values()].sort((a, b) => b.form.terms.size - a.form.terms.size);
}

/**
 * A sum of terms in a range, divided by the common divisor of its coefficients: `1 <= 2x <= 1` holds for no integer.
 * The normalisation of constraints in the omega test (Pugh 1991).
 */
function tightened(terms: Affine["terms"], { low, high }: Range): Guard {
  let divisor = 0;
  for (const { coefficient } of terms.values()) divisor = greatestCommonDivisor(divisor, coefficient);
  if (divisor <= 1) return { form: { constant: 0, terms }, range: { low, high } };
  return {
    form: scaleAffine({ constant: 0, terms }, 1 / divisor),
    range: { low: Math.ceil(low / divisor), high: Math.floor(high / divisor) },
  };
}

const intersect = (a: Range, b: Range): Range => ({
  low: Math.max(a.low, b.low),
  high: Math.min(a.high, b.high),
});

/** The range of `a - b` if `a op b` holds. */
function rangeBelow(op: string): Range | undefined {
  switch (op) {
    case "lt":
      return { low: Number.NEGATIVE_INFINITY, high: -1 };
    case "le":
      return { low: Number.NEGATIVE_INFINITY, high: 0 };
    case "gt":
      return { low: 1, high: Number.POSITIVE_INFINITY };
    case "ge":
      return { low: 0, high: Number.POSITIVE_INFINITY };
    case "eq":
      return { low: 0, high: 0 };
    default:
      return undefined;
  }
}

/** The factor `f` for which `form` contains every term of `part` times `f`, if there is one. */
function containedFactor(form: Affine, part: Affine): number | undefined {
  let factor: number | undefined;
  for (const [name, { coefficient }] of part.terms) {
    const here = coefficientOf(form, name) / coefficient;
    if (here === 0 || !Number.isInteger(here) || (factor !== undefined && factor !== here)) return undefined;
    factor = here;
  }
  return factor;
}
