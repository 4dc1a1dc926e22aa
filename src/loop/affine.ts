/** Integer index expressions as sums of coefficient times atom: the arithmetic behind bounds and strides. */

import { add, int, mul } from "./build.ts";
import { exprKey } from "./expr-key.ts";
import { areLargerThan } from "./tree-size.ts";
import type { Expr } from "./types.ts";
import { freeNames } from "./walk.ts";

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

/** Forms of sums and products by their expression, which never changes: searches ask for the same ones often. */
const known = new WeakMap<Expr, Affine>();

/** The affine form of an int32 expression; products of two unknowns, `/` and `%` become atoms. */
export function toAffine(e: Expr): Affine {
  if (e.kind === "const") return { constant: e.value, terms: NONE };
  let form = known.get(e);
  if (form === undefined) {
    form = collect(e);
    known.set(e, form);
  }
  return form;
}

/** Sums of more nodes are assembled from the forms of their parts. */
const LARGE = 100;

function collect(e: Expr): Affine {
  const sum: Sum = { constant: 0, terms: new Map(), isLarge: areLargerThan([e], LARGE) };
  addParts(sum, e, 1, true);
  return { constant: sum.constant, terms: sum.terms };
}

/** A form that is being assembled. */
interface Sum {
  constant: number;
  readonly terms: Map<string, Term>;
  /** Large sums may share parts: each part is expanded once. */
  readonly isLarge: boolean;
}

function addParts(sum: Sum, part: Expr, factor: number, isWhole: boolean): void {
  if (part.kind === "const") sum.constant += factor * part.value;
  else if (part.kind !== "binary") addTerm(sum.terms, exprKey(part), part, factor);
  else if (sum.isLarge && !isWhole && areLargerThan([part], LARGE)) {
    const form = toAffine(part);
    sum.constant += factor * form.constant;
    for (const [key, { atom, coefficient }] of form.terms)
      addTerm(sum.terms, key, atom, factor * coefficient);
  } else if (part.op === "add" || part.op === "sub") {
    addParts(sum, part.a, factor, false);
    addParts(sum, part.b, part.op === "add" ? factor : -factor, false);
  } else if (part.op === "mul" && part.b.kind === "const")
    addParts(sum, part.a, factor * part.b.value, false);
  else if (part.op === "mul" && part.a.kind === "const") addParts(sum, part.b, factor * part.a.value, false);
  else addTerm(sum.terms, exprKey(part), part, factor);
}

/** Adds `coefficient` to the coefficient of `atom`; a term that becomes 0 is removed. */
function addTerm(terms: Map<string, Term>, key: string, atom: Expr, coefficient: number): void {
  const sum = (terms.get(key)?.coefficient ?? 0) + coefficient;
  if (sum === 0) terms.delete(key);
  else terms.set(key, { atom, coefficient: sum });
}

/** `Σ coefficient·atom`. */
export function sumOf(parts: readonly Term[]): Affine {
  const terms = new Map<string, Term>();
  for (const { atom, coefficient } of parts) addTerm(terms, exprKey(atom), atom, coefficient);
  return { constant: 0, terms };
}

/** `a + factor·b`. */
export function addAffine(a: Affine, b: Affine, factor: number): Affine {
  const terms = new Map(a.terms);
  b.terms.forEach(({ atom, coefficient }, key) => {
    addTerm(terms, key, atom, factor * coefficient);
  });
  return { constant: a.constant + factor * b.constant, terms };
}

export function sameAffine(a: Affine, b: Affine): boolean {
  const { constant, terms } = addAffine(a, b, -1);
  return constant === 0 && terms.size === 0;
}

/** The largest number that divides both; the absolute value of the other one if one is 0. */
export const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);

export function scaleAffine(a: Affine, factor: number): Affine {
  if (factor === 0) return { constant: 0, terms: NONE };
  const terms = new Map<string, Term>();
  a.terms.forEach(({ atom, coefficient }, key) => {
    terms.set(key, { atom, coefficient: coefficient * factor });
  });
  return { constant: a.constant * factor, terms };
}

/** `a = divisor·multiple + rest`, where no coefficient of the rest is a multiple of `divisor` and its constant is `0 <= c < divisor`. */
export function splitAffine(a: Affine, divisor: number): { multiple: Affine; rest: Affine } {
  const multiple = new Map<string, Term>();
  const rest = new Map<string, Term>();
  for (const [key, term] of a.terms) {
    if (term.coefficient % divisor === 0)
      multiple.set(key, { ...term, coefficient: term.coefficient / divisor });
    else rest.set(key, term);
  }
  const whole = Math.floor(a.constant / divisor);
  return {
    multiple: { constant: whole, terms: multiple },
    rest: { constant: a.constant - whole * divisor, terms: rest },
  };
}

/** The coefficient of the variable or local `name` in `a`; 0 if it does not occur as a plain term. */
export const coefficientOf = (a: Affine, name: string): number => a.terms.get(name)?.coefficient ?? 0;

/** True when `name` occurs inside some atom other than as a plain term (under `/`, `%` or a load). */
export function occursInside(a: Affine, name: string): boolean {
  for (const [key, { atom }] of a.terms) if (key !== name && freeNames(atom).has(name)) return true;
  return false;
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
