/**
 * Loops over kernels: a range of a program's kernels that runs repeatedly. Kernels know nothing about it: before and
 * after each iteration elements are moved between the buffers of the kernels and those that hold the values of all
 * iterations.
 */

import type { TypedArray } from "../core/dtype.ts";
import type { LoweredProgram } from "./program.ts";

/** Copies elements from one buffer to another of the same dtype, at positions that advance with each iteration. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** The number of elements. */
  readonly length: number;
  /** How many elements each iteration's position advances for reads and writes; 0 if it stays the same. */
  readonly fromStride: number;
  readonly toStride: number;
}

export interface ProgramLoop {
  /** The loop's name, which is the prefix of its kernels' names. */
  readonly name: string;
  /** The kernels `from` … `to` - 1 run in each iteration. */
  readonly from: number;
  readonly to: number;
  readonly iterations: number;
  /** Whether the iterations go from the last positions to the first. */
  readonly descending: boolean;
  /** Once, before the first iteration. */
  readonly initial: readonly Move[];
  /** Before and after each iteration, in this order. */
  readonly before: readonly Move[];
  readonly after: readonly Move[];
}

/** One step of a run: kernels that run one after the other, a move for the iteration at `place`, the end of a loop. */
export type RunStep =
  | { readonly kind: "kernels"; readonly from: number; readonly to: number }
  | { readonly kind: "move"; readonly move: Move; readonly place: number }
  | { readonly kind: "end"; readonly loop: ProgramLoop };

/**
 * The steps that run the kernels `from` … `to` - 1, including loops with all their iterations. If a loop is only partly
 * in this range, its kernels run once, and nothing is moved.
 */
export function* runOrder(
  loops: readonly ProgramLoop[],
  from: number,
  to: number,
): Generator<RunStep, void, void> {
  for (let k = from; k < to; ) {
    const at = loops.findIndex((loop) => loop.from >= k && loop.to <= to);
    const loop = at < 0 ? undefined : loops[at];
    const next = loop?.from ?? to;
    if (next > k) yield { kind: "kernels", from: k, to: next };
    if (loop !== undefined) yield* iterations(loop, loops.slice(at + 1));
    k = loop?.to ?? to;
  }
}

function* iterations(loop: ProgramLoop, others: readonly ProgramLoop[]): Generator<RunStep, void, void> {
  const inner = others.filter(({ from, to }) => from >= loop.from && to <= loop.to);
  for (const move of loop.initial) yield { kind: "move", move, place: 0 };
  for (let k = 0; k < loop.iterations; k++) {
    const place = loop.descending ? loop.iterations - 1 - k : k;
    for (const move of loop.before) yield { kind: "move", move, place };
    yield* runOrder(inner, loop.from, loop.to);
    for (const move of loop.after) yield { kind: "move", move, place };
  }
  yield { kind: "end", loop };
}

/** Performs a move in memory. */
export function moveElements(from: Elements, to: Elements, move: Move, place: number): void {
  const start = place * move.fromStride;
  to.set(from.subarray(start, start + move.length), place * move.toStride);
}

/** The elements of a buffer as numbers. */
type Elements = TypedArray | Float64Array;

/** How often a kernel runs in one run of the program. */
export const iterationsOf = ({ loops = [] }: Pick<LoweredProgram, "loops">, kernel: number): number =>
  loops.reduce(
    (count, { from, to, iterations }) => (from <= kernel && kernel < to ? count * iterations : count),
    1,
  );

/** The loops after kernels were replaced: `place` gives the new index of what was before kernel k. */
export const withKernelsAt = (
  loops: readonly ProgramLoop[],
  place: (kernel: number) => number,
): readonly ProgramLoop[] => loops.map((loop) => ({ ...loop, from: place(loop.from), to: place(loop.to) }));

/** The buffers that a loop moves elements from and to. */
export const movedBy = ({ initial, before, after }: ProgramLoop): readonly Move[] => [
  ...initial,
  ...before,
  ...after,
];

/** The first and the last kernel during which each buffer is needed; inputs exist before kernel 0. */
export function usesOf({
  kernels,
  inputs,
  loops = [],
}: Pick<LoweredProgram, "kernels" | "inputs" | "loops">): ReadonlyMap<
  string,
  { readonly first: number; readonly last: number }
> {
  const uses = new Map<string, { readonly first: number; readonly last: number }>();
  const use = (name: string, first: number, last: number): void => {
    const known = uses.get(name) ?? { first, last };
    uses.set(name, { first: Math.min(known.first, first), last: Math.max(known.last, last) });
  };
  for (const { buffer } of inputs) use(buffer, -1, -1);
  kernels.forEach((kernel, k) => {
    for (const { name } of kernel.buffers) use(name, k, k);
  });
  for (const loop of loops)
    for (const { from, to } of movedBy(loop))
      for (const name of [from, to]) use(name, loop.from, loop.to - 1);
  // A buffer that exists before a loop or after it is needed in all of its iterations. The innermost come first.
  for (const loop of [...loops].reverse()) {
    for (const [name, { first, last }] of uses) {
      const isInside = first >= loop.from && last < loop.to;
      if (!isInside && first < loop.to && last >= loop.from) use(name, loop.from, loop.to - 1);
    }
  }
  return uses;
}
