/** Simplifies index arithmetic: affine normal form, `/` and `%` that the loops' ranges determine, dead guards. */

import { type Affine, fromAffine, splitAffine, toAffine } from "./affine.ts";
import { binary, compare, constant, int, select } from "./build.ts";
import type { RangeContext } from "./range.ts";
import { givesPosition } from "./semantics.ts";
import type { Expr, ReduceAxis } from "./types.ts";
import { isIndex } from "./typing.ts";
import { axesKey, freeNames, mapChildren, substitute } from "./walk.ts";

/** An equal expression under `context`; shared nodes are simplified once per context. */
export function simplify(e: Expr, context: RangeContext): Expr {
  return new Simplifier(context).run(e);
}

/** Each nested guard is a context of its own: beyond so many they are not used. */
const MOST_CONTEXTS = 256;

/**
 * The surroundings of a simplifier: the names about whose values it knows more than the outer one, all of them or none.
 */
interface Inside {
  readonly outside: Simplifier;
  readonly names: ReadonlySet<string>;
}

class Simplifier {
  private readonly context: RangeContext;
  private readonly inside: Inside | undefined;
  private readonly budget: { contexts: number };
  private readonly done = new Map<Expr, Expr>();
  private readonly reduced = new Map<string, Simplifier>();
  private readonly guarded = new Map<Expr, Simplifier>();

  constructor(context: RangeContext, inside?: Inside) {
    this.context = context;
    this.inside = inside;
    this.budget = inside?.outside.budget ?? { contexts: MOST_CONTEXTS };
  }

  readonly run = (e: Expr): Expr => {
    let result = this.done.get(e);
    if (result === undefined) {
      result = this.isOutside(e) ? this.inside!.outside.run(e) : this.visit(e);
      this.done.set(e, result);
    }
    return result;
  };

  /** Whether nothing more is known about `e` here than outside. */
  private isOutside(e: Expr): boolean {
    if (this.inside === undefined || this.inside.names.size === 0) return false;
    for (const name of freeNames(e)) if (this.inside.names.has(name)) return false;
    return true;
  }

  /** The simplifier for the body of a reduction over `axes`. */
  private within(axes: readonly ReduceAxis[]): Simplifier {
    if (axes.length === 0) return this;
    const key = axesKey(axes);
    let inner = this.reduced.get(key);
    if (inner === undefined) {
      let { context } = this;
      for (const { name, extent } of axes) context = context.withName(name, { low: 0, high: extent - 1 });
      inner = new Simplifier(context, { outside: this, names: new Set(axes.map(({ name }) => name)) });
      this.reduced.set(key, inner);
    }
    return inner;
  }

  /** The simplifier for what is computed where `condition` holds. */
  private where(condition: Expr): Simplifier {
    let inner = this.guarded.get(condition);
    if (inner === undefined) {
      const taken = this.budget.contexts > 0 ? this.context.withCondition(condition) : this.context;
      if (taken === this.context) return this;
      this.budget.contexts--;
      inner = new Simplifier(taken, { outside: this, names: freeNames(condition) });
      this.guarded.set(condition, inner);
    }
    return inner;
  }

  private visit(e: Expr): Expr {
    switch (e.kind) {
      case "const":
      case "var":
      case "local":
      case "scalar":
        return e;
      case "reduce": {
        const settled = dropUnitAxes(e);
        return settled.kind === "reduce"
          ? { ...settled, body: this.within(settled.axes).run(settled.body) }
          : this.run(settled);
      }
      case "select": {
        const condition = this.run(e.condition);
        if (condition.kind === "const") return this.run(condition.value !== 0 ? e.a : e.b);
        return select(condition, this.where(condition).run(e.a), this.run(e.b));
      }
      case "compare":
        return this.compare(compare(e.op, this.run(e.a), this.run(e.b)));
      case "binary":
        if (isIndex(e)) return this.integer(binary(e.op, this.run(e.a), this.run(e.b)));
        return binary(e.op, this.run(e.a), this.run(e.b));
      case "load":
      case "unary":
      case "cast":
        return mapChildren(e, this.run);
      default:
        return e satisfies never;
    }
  }

  private integer(e: Expr): Expr {
    if (e.kind !== "binary") return e;
    switch (e.op) {
      case "add":
      case "sub":
      case "mul":
        return fromAffine(this.mergeQuotients(toAffine(e)));
      case "div":
        return e.b.kind === "const" ? this.quotient(toAffine(e.a), e.b.value) : e;
      case "mod":
        return e.b.kind === "const" ? this.remainder(toAffine(e.a), e.b.value) : e;
      default:
        return e;
    }
  }

  /** `(d·q + r) / d = q + r / d`, and `r / d = 0` when `0 <= r < d`. */
  private quotient(form: Affine, divisor: number): Expr {
    const { multiple, rest } = splitAffine(form, divisor);
    const restExpr = fromAffine(rest);
    const range = this.context.rangeOf(restExpr);
    if (range.low >= 0 && range.high < divisor) return fromAffine(multiple);
    const inner = toAffine(binary("div", restExpr, int(divisor)));
    return fromAffine({
      constant: multiple.constant + inner.constant,
      terms: new Map([...multiple.terms, ...inner.terms]),
    });
  }

  private remainder(form: Affine, divisor: number): Expr {
    const rest = fromAffine(splitAffine(form, divisor).rest);
    const range = this.context.rangeOf(rest);
    return range.low >= 0 && range.high < divisor ? rest : binary("mod", rest, int(divisor));
  }

  /** `(e / d)·d·k + (e % d)·k = e·k`: what remains when a flat index was split and joined again. */
  private mergeQuotients(form: Affine): Affine {
    for (const { atom, coefficient } of form.terms.values()) {
      if (atom.kind !== "binary" || atom.op !== "div" || atom.b.kind !== "const") continue;
      const divisor = atom.b.value;
      if (coefficient % divisor !== 0) continue;
      const factor = coefficient / divisor;
      for (const [key, other] of form.terms) {
        const { atom: m } = other;
        if (m.kind !== "binary" || m.op !== "mod" || other.coefficient !== factor) continue;
        if (m.b.kind !== "const" || m.b.value !== divisor || !equalAffine(toAffine(m.a), toAffine(atom.a)))
          continue;
        const terms = new Map(form.terms);
        terms.delete(key);
        for (const [k, t] of form.terms) if (t.atom === atom) terms.delete(k);
        const whole = binary("mul", atom.a, int(factor));
        const rest = fromAffine({ constant: form.constant, terms });
        return this.mergeQuotients(toAffine(binary("add", rest, whole)));
      }
    }
    return form;
  }

  private compare(e: Expr): Expr {
    if (e.kind !== "compare" || !isIndex(e.a)) return e;
    const { low, high } = this.context.rangeOf(binary("sub", e.a, e.b));
    const decided = decide(e.op, low, high);
    return decided === undefined ? e : constant(decided ? 1 : 0, "bool");
  }
}

/** Removes axes of extent 1, whose variable is 0; a reduction without axes is its body, at position 0. */
function dropUnitAxes(e: Extract<Expr, { kind: "reduce" }>): Expr {
  const axes = e.axes.filter((axis) => axis.extent !== 1);
  if (axes.length === e.axes.length) return e;
  const zeros = new Map(e.axes.filter((axis) => axis.extent === 1).map((axis) => [axis.name, int(0)]));
  const body = substitute(e.body, zeros);
  if (axes.length > 0) return { ...e, axes, body };
  return givesPosition(e.op) ? int(0) : body;
}

function equalAffine(a: Affine, b: Affine): boolean {
  if (a.constant !== b.constant || a.terms.size !== b.terms.size) return false;
  for (const [key, { coefficient }] of a.terms)
    if (b.terms.get(key)?.coefficient !== coefficient) return false;
  return true;
}

function decide(op: string, low: number, high: number): boolean | undefined {
  switch (op) {
    case "lt":
      return high < 0 ? true : low >= 0 ? false : undefined;
    case "le":
      return high <= 0 ? true : low > 0 ? false : undefined;
    case "gt":
      return low > 0 ? true : high <= 0 ? false : undefined;
    case "ge":
      return low >= 0 ? true : high < 0 ? false : undefined;
    case "eq":
      return low === 0 && high === 0 ? true : low > 0 || high < 0 ? false : undefined;
    case "ne":
      return low > 0 || high < 0 ? true : low === 0 && high === 0 ? false : undefined;
    default:
      return undefined;
  }
}
