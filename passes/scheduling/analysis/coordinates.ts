/**
 * Finds the coordinates of a factor: loops that it only sees in one fixed combination, such as a row `y` and a
 * tap `ky` of a convolution in `y + ky`. A panel has one axis for each coordinate, so that no element is
 * copied twice.
 */

import { type Affine, addAffine, toAffine } from "../../../src/loop/affine.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { children, outermost } from "../../../src/loop/walk.ts";

/** `Σ coefficient · loop`; the first loop's coefficient is 1. */
export interface Coordinate {
  readonly terms: readonly { readonly name: string; readonly coefficient: number }[];
  /** Its least value, and how many values there are from there on. */
  readonly low: number;
  readonly extent: number;
  /** The approximate step in memory: coordinates with longer steps are further out. */
  readonly step: number;
}

/** Extents of loops by name. */
export type Extents = ReadonlyMap<string, number>;

/** How loops move a factor: their coefficients in each of its integer forms, and their strides in memory. */
export interface Moves {
  readonly signatures: ReadonlyMap<string, readonly number[]>;
  readonly steps: ReadonlyMap<string, number>;
}

export function movesOf(factor: Expr, extents: Extents): Moves {
  const forms = formsIn(factor, extents);
  const names = [...extents.keys()].filter((name) => forms.some((form) => form.has(name)));
  return {
    signatures: new Map(names.map((name) => [name, forms.map((form) => form.get(name) ?? 0)])),
    steps: new Map(names.map((name) => [name, stepOf(factor, name)])),
  };
}

/**
 * The coordinates of `factor`, outermost in memory first. Loops named in `alone` are coordinates of their own.
 */
export function coordinatesOf(
  factor: Expr,
  extents: Extents,
  alone: ReadonlySet<string>,
  { signatures, steps }: Moves = movesOf(factor, extents),
): Coordinate[] {
  const ascending = [...steps.keys()].sort((a, b) => (steps.get(a) ?? 0) - (steps.get(b) ?? 0));
  let coordinates: Coordinate[] = [];
  for (const name of ascending) {
    const extent = extents.get(name) ?? 1;
    const own: Coordinate = {
      terms: [{ name, coefficient: 1 }],
      low: 0,
      extent,
      step: steps.get(name) ?? 0,
    };
    const joined = alone.has(name)
      ? undefined
      : coordinates
          .filter((c) => !alone.has(c.terms[0].name))
          .map((c) => ({ old: c, new: join(c, name, extent, signatures) }))
          .find((c) => c.new !== undefined);
    coordinates =
      joined?.new === undefined
        ? [...coordinates, own]
        : coordinates.map((c) => (c === joined.old ? (joined.new as Coordinate) : c));
  }
  return coordinates.sort((a, b) => b.step - a.step);
}

/** `coordinate` with one more loop, if the factor sees both in one combination and many of its values meet. */
function join(
  coordinate: Coordinate,
  name: string,
  extent: number,
  signatures: ReadonlyMap<string, readonly number[]>,
): Coordinate | undefined {
  const base = signatures.get(coordinate.terms[0].name) ?? [];
  const own = signatures.get(name) ?? [];
  const first = base.findIndex((c) => c !== 0);
  const ratio = own[first] / base[first];
  if (!Number.isInteger(ratio) || ratio === 0 || own.some((c, k) => c !== ratio * base[k])) return undefined;
  const reach = Math.abs(ratio) * (extent - 1);
  if (coordinate.extent + reach >= coordinate.extent * extent) return undefined;
  return {
    ...coordinate,
    terms: [...coordinate.terms, { name, coefficient: ratio }],
    low: coordinate.low + Math.min(0, ratio * (extent - 1)),
    extent: coordinate.extent + reach,
  };
}

/** The number of values that the coordinate takes while only the loops with these extents run. */
export function reachOf({ terms }: Coordinate, extents: Extents): number {
  let reach = 1;
  for (const { name, coefficient } of terms) reach += Math.abs(coefficient) * ((extents.get(name) ?? 1) - 1);
  return reach;
}

/** The coefficients of loops in every integer form that `factor` is a function of. */
function formsIn(factor: Expr, extents: Extents): ReadonlyMap<string, number>[] {
  const forms: Map<string, number>[] = [];
  const form = ({ terms }: Affine): void => {
    const coefficients = new Map<string, number>();
    for (const { atom, coefficient } of terms.values()) {
      if (atom.kind === "var" && extents.has(atom.name)) coefficients.set(atom.name, coefficient);
      else visit(atom);
    }
    if (coefficients.size > 0) forms.push(coefficients);
  };
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "load") form(toAffine(e.index));
    else if (e.kind === "compare" && isIndex(e.a)) form(addAffine(toAffine(e.a), toAffine(e.b), -1));
    else if (e.kind === "binary" && isIndex(e) && (e.op === "div" || e.op === "mod")) {
      form(toAffine(e.a));
      visit(e.b);
    } else if (e.kind === "var") {
      if (extents.has(e.name)) form(toAffine(e));
    } else if (e.kind === "binary" && isIndex(e) && toAffine(e).terms.size > 1) form(toAffine(e));
    else for (const child of children(e)) visit(child);
  };
  visit(factor);
  return forms;
}

/** The stride in elements along `name` in the first load that it moves; quotients move it less. */
function stepOf(factor: Expr, name: string): number {
  const along = (e: Expr): number => {
    let sum = 0;
    for (const { atom, coefficient } of toAffine(e).terms.values()) {
      if (atom.kind === "var") sum += atom.name === name ? coefficient : 0;
      else if (atom.kind === "binary" && atom.op === "div" && atom.b.kind === "const")
        sum += (coefficient * along(atom.a)) / atom.b.value;
    }
    return sum;
  };
  const loads = outermost([factor], ({ kind }) => kind === "load");
  return Math.max(0, ...loads.map((e) => (e.kind === "load" ? Math.abs(along(e.index)) : 0)));
}
