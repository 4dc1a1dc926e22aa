/** Integer index expressions as sums of coefficient times atom: the arithmetic behind bounds and strides. */

import { add, int, mul } from "./build.ts";
import { printExpr } from "./print.ts";
import type { Expr } from "./types.ts";

export interface Term {
  /** A variable, local, load or other expression that is not itself a sum or a multiple. */
  readonly atom: Expr;
  readonly coefficient: number;
}

/** `constant + Σ coefficient·atom`, terms keyed by the atom's text. */
export interface Affine {
  readonly constant: number;
  readonly terms: ReadonlyMap<string, Term>;
}

const NONE: ReadonlyMap<string, Term> = new Map();

/** The affine form of an int32 expression; products of two unknowns, `/` and `%` become atoms. */
export function toAffine(e: Expr): Affine {
  switch (e.kind) {
    case "const":
      return { constant: e.value, terms: NONE };
    case "binary":
      switch (e.op) {
        case "add":
          return addAffine(toAffine(e.a), toAffine(e.b), 1);
        case "sub":
          return addAffine(toAffine(e.a), toAffine(e.b), -1);
        case "mul":
          if (e.b.kind === "const") return scaleAffine(toAffine(e.a), e.b.value);
          if (e.a.kind === "const") return scaleAffine(toAffine(e.b), e.a.value);
          return single(e);
        default:
          return single(e);
      }
    default:
      return single(e);
  }
}

const single = (atom: Expr): Affine => ({
  constant: 0,
  terms: new Map([[keyOf(atom), { atom, coefficient: 1 }]]),
});

const keyOf = (atom: Expr): string =>
  atom.kind === "var" || atom.kind === "local" ? atom.name : printExpr(atom);

/** `a + factor·b`. */
export function addAffine(a: Affine, b: Affine, factor: number): Affine {
  const terms = new Map(a.terms);
  for (const [key, { atom, coefficient }] of b.terms) {
    const sum = (terms.get(key)?.coefficient ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(key);
    else terms.set(key, { atom, coefficient: sum });
  }
  return { constant: a.constant + factor * b.constant, terms };
}

export function scaleAffine(a: Affine, factor: number): Affine {
  if (factor === 0) return { constant: 0, terms: NONE };
  const terms = new Map<string, Term>();
  for (const [key, { atom, coefficient }] of a.terms)
    terms.set(key, { atom, coefficient: coefficient * factor });
  return { constant: a.constant * factor, terms };
}

/** How often the variable or local `name` counts in `a`; 0 when it does not occur as a plain term. */
export const coefficientOf = (a: Affine, name: string): number => a.terms.get(name)?.coefficient ?? 0;

/** True when `name` occurs inside some atom other than as a plain term (under `/`, `%` or a load). */
export function occursInside(a: Affine, name: string): boolean {
  for (const [key, { atom }] of a.terms) if (key !== name && mentions(atom, name)) return true;
  return false;
}

function mentions(e: Expr, name: string): boolean {
  switch (e.kind) {
    case "const":
    case "scalar":
      return false;
    case "var":
    case "local":
      return e.name === name;
    case "load":
      return mentions(e.index, name);
    case "unary":
    case "cast":
      return mentions(e.a, name);
    case "binary":
    case "compare":
      return mentions(e.a, name) || mentions(e.b, name);
    case "select":
      return mentions(e.condition, name) || mentions(e.a, name) || mentions(e.b, name);
    case "reduce":
      return mentions(e.body, name);
    default:
      return e satisfies never;
  }
}

/** Back to an expression: terms in the order they were met, the constant last. */
export function fromAffine(a: Affine): Expr {
  let sum: Expr | undefined;
  for (const { atom, coefficient } of a.terms.values()) {
    const term = mul(atom, int(coefficient));
    sum = sum === undefined ? term : add(sum, term);
  }
  return sum === undefined ? int(a.constant) : add(sum, int(a.constant));
}
