/**
 * Recognises the factor that max-pool's gradient leaves in a contraction: a pooled gradient that counts only
 * where its window's winner is the current position. Three positions in four of a 2×2 window are zero.
 */

import type { DType } from "../../../src/core/dtype.ts";
import { type Affine, addAffine, sameAffine, toAffine } from "../../../src/loop/affine.ts";
import { cast, load } from "../../../src/loop/build.ts";
import type { Operand } from "../../../src/loop/schedule.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { conjuncts } from "../../../src/loop/walk.ts";
import type { Contraction } from "./contraction.ts";

export interface SparseFactor {
  readonly operand: Operand;
  /** Buffer of the pooled gradient, one element per window. */
  readonly gradient: string;
  /** Buffer of the winners, laid out like the gradient, and its element type: one byte unless a window has more taps. */
  readonly winner: string;
  readonly winnerType: DType;
  /** Row and column of the dense gradient that the factor stands for, before pooling. */
  readonly row: Affine;
  readonly column: Affine;
  /** Extents of a window. */
  readonly window: readonly [number, number];
  /** Windows in one plane: rows and columns. */
  readonly plane: readonly [number, number];
  /** Index of the plane's first window: image and channel. */
  readonly base: Affine;
}

/** A contraction of a sparse factor with a dense one. */
export interface SparseContraction {
  readonly contraction: Contraction;
  readonly sparse: SparseFactor;
  readonly dense: Expr;
}

/** The sparse factors of a contraction with one store, each with the other factor. */
export function sparseFactorsOf(contraction: Contraction): SparseContraction[] {
  const { kernel, nest, left, right } = contraction;
  if (nest.stores.length !== 1) return [];
  const lengthOf = (buffer: string): number => kernel.buffers.find((b) => b.name === buffer)?.length ?? 0;
  return [
    { operand: "left" as const, factor: left, dense: right },
    { operand: "right" as const, factor: right, dense: left },
  ].flatMap(({ operand, factor, dense }) => {
    const sparse = sparseFactorOf(factor, operand, lengthOf);
    return sparse === undefined ? [] : [{ contraction, sparse, dense }];
  });
}

/** The sparse factor in `e`, whatever `guards` surround it; `lengthOf` gives a buffer's number of elements. */
function sparseFactorOf(
  e: Expr,
  operand: Operand,
  lengthOf: (buffer: string) => number,
  guards: readonly Expr[] = [],
): SparseFactor | undefined {
  if (e.kind !== "select" || e.b.kind !== "const" || e.b.value !== 0) return undefined;
  if (e.a.kind === "select")
    return sparseFactorOf(e.a, operand, lengthOf, [...guards, ...conjuncts(e.condition)]);
  const { condition, a: gradient } = e;
  if (gradient.kind !== "load" || condition.kind !== "compare" || condition.op !== "eq") return undefined;
  const winner = condition.a.kind === "cast" ? condition.a.a : condition.a;
  if (winner.kind !== "load" || !sameAffine(toAffine(winner.index), toAffine(gradient.index)))
    return undefined;
  const taps = tapsOf(toAffine(condition.b));
  if (taps === undefined) return undefined;
  const index = toAffine(gradient.index);
  const rows = quotientOf(index, taps.row, taps.window[0]);
  const columns = quotientOf(index, taps.column, taps.window[1]);
  if (rows === undefined || columns?.coefficient !== 1) return undefined;
  const base = addAffine(addAffine(index, rows.form, -1), columns.form, -1);
  if ([...base.terms.values()].some(({ atom }) => atom.kind !== "var")) return undefined;
  const width = rows.coefficient;
  const planeSize = Math.min(
    lengthOf(gradient.buffer),
    ...[...base.terms.values()].map((t) => t.coefficient),
  );
  if (planeSize % width !== 0) return undefined;
  // Whole windows of a shift were taken out of the quotients:
  // the guards tell how many, for rows and columns separately.
  const row = shifted(taps.row, guards);
  const column = shifted(taps.column, guards);
  const windowsAway = (form: Affine, origin: Affine, extent: number): number =>
    (form.constant - origin.constant) / extent;
  const down = windowsAway(row, taps.row, taps.window[0]);
  const along = windowsAway(column, taps.column, taps.window[1]);
  if (base.constant !== down * width + along) return undefined;
  return {
    operand,
    gradient: gradient.buffer,
    winner: winner.buffer,
    winnerType: winner.dtype,
    row,
    column,
    window: taps.window,
    plane: [planeSize / width, width],
    base: { ...base, constant: 0 },
  };
}

/** `form` with the constant under which a guard requires it to be at least 0. */
function shifted(form: Affine, guards: readonly Expr[]): Affine {
  for (const guard of guards) {
    if (guard.kind !== "compare" || guard.op !== "ge" || guard.b.kind !== "const" || guard.b.value !== 0)
      continue;
    const candidate = toAffine(guard.a);
    if (sameAffine({ ...candidate, constant: 0 }, { ...form, constant: 0 })) return candidate;
  }
  return form;
}

/** From `row % kh · kw + column % kw`, the number of a tap, the row, the column and the window. */
function tapsOf(form: Affine) {
  if (form.constant !== 0 || form.terms.size !== 2) return undefined;
  const parts = [...form.terms.values()].map(({ atom, coefficient }) => {
    if (atom.kind !== "binary" || atom.op !== "mod" || atom.b.kind !== "const") return undefined;
    return { position: toAffine(atom.a), extent: atom.b.value, coefficient };
  });
  const column = parts.find((p) => p?.coefficient === 1);
  const row = parts.find((p) => p !== column);
  if (row === undefined || column === undefined || row.coefficient !== column.extent) return undefined;
  return { row: row.position, column: column.position, window: [row.extent, column.extent] as const };
}

/** The term `position / divisor` of an index. */
function quotientOf(index: Affine, position: Affine, divisor: number) {
  for (const [key, term] of index.terms) {
    const { atom, coefficient } = term;
    if (atom.kind !== "binary" || atom.op !== "div" || atom.b.kind !== "const" || atom.b.value !== divisor)
      continue;
    if (!sameAffine(toAffine(atom.a), position)) continue;
    return { coefficient, form: { constant: 0, terms: new Map([[key, term]]) } };
  }
  return undefined;
}

/** The number of the tap that won the window at `index` of the pooled plane, as int32. */
export const winnerAt = ({ winner, winnerType }: SparseFactor, index: Expr): Expr =>
  cast(load(winner, winnerType, index), "int32");
