/**
 * Loops over kernels: a range of a program's kernels that runs again and again. Kernels know nothing of it: before and
 * after each iteration elements are moved between what they read and write and the places where the iterations' values
 * lie.
 */

import type { TypedArray } from "../core/dtype.ts";
import type { LoweredProgram } from "./program.ts";

/** Copies elements from one buffer to another of the same dtype, each iteration from and to places further on. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** How many elements. */
  readonly length: number;
  /** How many elements further on each iteration reads and writes; 0 where it is always the same place. */
  readonly fromStride: number;
  readonly toStride: number;
}

export interface ProgramLoop {
  /** What the loop is called; the names of its kernels begin so. */
  readonly name: string;
  /** The kernels `from` … `to` - 1 run in each iteration. */
  readonly from: number;
  readonly to: number;
  readonly iterations: number;
  /** Whether the iterations go from the last places to the first. */
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
 * The steps that run the kernels `from` … `to` - 1, loops among them in all their iterations. Of a loop that is not wholly
 * among them the kernels run once, as they stand, and nothing is moved.
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

/** Does a move in memory. */
export function moveElements(from: Elements, to: Elements, move: Move, place: number): void {
  const start = place * move.fromStride;
  to.set(from.subarray(start, start + move.length), place * move.toStride);
}

/** The elements of a buffer, each as a number. */
type Elements = TypedArray | Float64Array;

/** How often a kernel runs in one run of the program. */
export const iterationsOf = ({ loops = [] }: Pick<LoweredProgram, "loops">, kernel: number): number =>
  loops.reduce(
    (count, { from, to, iterations }) => (from <= kernel && kernel < to ? count * iterations : count),
    1,
  );

/** The loops when kernels have become others: `place` says where what was before kernel k now ends. */
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

/** The first and the last kernel during which each buffer is needed; inputs are there before kernel 0. */
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
  // What is there before a loop or after it is needed in all of its iterations. The innermost come first.
  for (const loop of [...loops].reverse()) {
    for (const [name, { first, last }] of uses) {
      const isInside = first >= loop.from && last < loop.to;
      if (!isInside && first < loop.to && last >= loop.from) use(name, loop.from, loop.to - 1);
    }
  }
  return uses;
}
