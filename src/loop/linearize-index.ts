/**
 * Recombines a flat index that was split into digits: `i / 25 · 25 + i / 5 % 5 · 5 + i % 5` is `i`.
 * Lanes need this, since neighbours have to be recognised as such.
 */

import { type Affine, fromAffine, toAffine } from "./affine.ts";
import { div, int, mod, mul, variable } from "./build.ts";
import type { Expr } from "./types.ts";
import { rewriter } from "./walk.ts";

/** The extents of loops, by the names of their variables. */
export type Extents = ReadonlyMap<string, number>;

/** `name / unit % base · coefficient`. */
export interface Digit {
  readonly name: string;
  readonly unit: number;
  readonly base: number;
  readonly coefficient: number;
}

/** Rewrites the indices of all loads in an expression. */
export const joinDigitsInLoads = (extents: Extents): ((e: Expr) => Expr) =>
  rewriter((e) => (e.kind === "load" ? { ...e, index: linearizeIndex(e.index, extents) } : e));

/** An equal index, with adjacent digits of one variable joined. */
export function linearizeIndex(index: Expr, extents: Extents): Expr {
  const form = toAffine(index);
  const digits: Digit[] = [];
  const rest: Affine = {
    constant: form.constant,
    terms: new Map(
      [...form.terms].filter(([, { atom, coefficient }]) => {
        const digit = digitOf(atom, coefficient, extents);
        if (digit !== undefined) digits.push(digit);
        return digit === undefined;
      }),
    ),
  };
  if (!digits.some(({ unit }) => unit > 1)) return index;
  const joined = joinAll(digits).map((d) => mul(exprOf(d, extents), int(d.coefficient)));
  return fromAffine(toAffine(joined.reduce((sum, e) => ({ ...ADD, a: sum, b: e }), fromAffine(rest))));
}

const ADD = { kind: "binary", dtype: "int32", op: "add" } as const;

function joinAll(digits: readonly Digit[]): readonly Digit[] {
  for (const low of digits) {
    const high = digits.find(
      (d) =>
        d !== low &&
        d.name === low.name &&
        d.unit === low.unit * low.base &&
        d.coefficient === low.coefficient * low.base,
    );
    if (high === undefined) continue;
    const others = digits.filter((d) => d !== low && d !== high);
    return joinAll([...others, { ...low, base: low.base * high.base }]);
  }
  return digits;
}

/** An atom as a digit: a variable, its quotient, or the remainder of one of them. */
export function digitOf(atom: Expr, coefficient: number, extents: Extents): Digit | undefined {
  const isMod = atom.kind === "binary" && atom.op === "mod" && atom.b.kind === "const";
  const inner = isMod ? atom.a : atom;
  const isDiv = inner.kind === "binary" && inner.op === "div" && inner.b.kind === "const";
  const whole = isDiv ? inner.a : inner;
  if (whole.kind !== "var") return undefined;
  const unit = isDiv && inner.b.kind === "const" ? inner.b.value : 1;
  const extent = extents.get(whole.name);
  if (extent === undefined || unit <= 0) return undefined;
  const digits = Math.ceil(extent / unit);
  const base = isMod && atom.b.kind === "const" ? Math.min(atom.b.value, digits) : digits;
  return { name: whole.name, unit, base, coefficient };
}

function exprOf({ name, unit, base }: Digit, extents: Extents): Expr {
  const quotient = unit === 1 ? variable(name) : div(variable(name), int(unit));
  return base * unit >= (extents.get(name) ?? Number.POSITIVE_INFINITY) ? quotient : mod(quotient, int(base));
}
