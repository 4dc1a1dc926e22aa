/** What both forms of winner lists share: what they match, what they promise, and the pieces they build from. */

import type { Affine } from "../../../../src/loop/affine.ts";
import { add, int, mul } from "../../../../src/loop/build.ts";
import type { ProgramBuffer } from "../../../../src/loop/program.ts";
import type { Schedule } from "../../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Stmt } from "../../../../src/loop/types.ts";
import type { Contraction } from "../../analysis/contraction.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import type { SparseFactor } from "../../analysis/sparse-factor.ts";

/** A contraction of a sparse factor with a dense one. */
export interface SparseContraction {
  readonly contraction: Contraction;
  readonly sparse: SparseFactor;
  /** The dense factor, a plain load. */
  readonly dense: Extract<Expr, { kind: "load" }>;
}

/** A plan for one of the two forms: its cost in multiply-adds with their loads. */
export interface SparseForm {
  readonly schedule: Schedule;
  readonly cost: number;
}

/** The loops of a weight gradient, a sum over the places of the sparse factor. */
export interface WeightLoops {
  /** Row and column of the sparse factor, axes of the sum. */
  readonly row: string;
  readonly column: string;
  /** The other axes: the batch, when it is larger than one. */
  readonly images: readonly GridLoop[];
  readonly channels: readonly GridLoop[];
  readonly taps: readonly GridLoop[];
}

/** These loops for `Σ[n, y, x] sparse(n, co, y, x) · X(n, …)`; `undefined` for other contractions. */
export function weightLoops({ core, nest }: Contraction, sparse: SparseFactor): WeightLoops | undefined {
  const row = axisOf(sparse.row, core.axes);
  const column = axisOf(sparse.column, core.axes);
  if (row === undefined || column === undefined) return undefined;
  const images = core.axes.filter(({ name }) => name !== row && name !== column);
  const channels = nest.loops.filter(({ name }) => sparse.base.terms.has(name));
  return { row, column, images, channels, taps: nest.loops.filter((loop) => !channels.includes(loop)) };
}

/** The axis that a position is itself. */
function axisOf({ constant, terms }: Affine, axes: readonly GridLoop[]): string | undefined {
  const [only] = terms.values();
  if (terms.size !== 1 || constant !== 0 || only.coefficient !== 1) return undefined;
  return axes.find(({ name }) => only.atom.kind === "var" && only.atom.name === name)?.name;
}

/** Element type, length and, for positions and counts, the inclusive bounds of the values. */
export type ListSpec = readonly [
  dtype: "int32" | "float32",
  length: number,
  range?: readonly [number, number],
];

/** Scratch that a form needs, as the program's buffer and as the kernels' parameter. */
export function listBuffer(
  name: string,
  gradient: string,
  ...[dtype, length, range]: ListSpec
): { readonly buffer: ProgramBuffer; readonly param: BufferParam } {
  return {
    buffer: { name, dtype, shape: [length], role: "scratch", value: `winner lists of ${gradient}` },
    param: { name, dtype, length, access: "scratch", ...(range && { range }) },
  };
}

/** The plane's first window as an expression. */
export const baseOf = (base: Affine): Expr =>
  [...base.terms.values()].map(({ atom, coefficient }) => mul(atom, int(coefficient))).reduce(add, int(0));

export const loopOver = (name: string, extent: number, body: readonly Stmt[]): Stmt => ({
  kind: "for",
  name,
  extent,
  loop: "serial",
  body,
});

export const nestLoops = (
  loops: readonly GridLoop[],
  loop: "grid" | "reduce",
  body: readonly Stmt[],
): Stmt[] =>
  loops.reduceRight<Stmt[]>(
    (inner, { name, extent }) => [{ kind: "for", name, extent, loop, body: inner }],
    [...body],
  );
