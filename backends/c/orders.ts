/** What a run does, as the list of steps that the runtime goes through: calls of functions, loops, and their moves. */

import { byteSize } from "../../src/core/dtype.ts";
import { invariant } from "../../src/core/errors.ts";
import type { Move, ProgramLoop } from "../../src/loop/loops.ts";
import { CALL, END, LOOP, MOST_DEPTH, MOVE, STEP_WORDS } from "./runtime-source.ts";

/** A call of a function with the list of the addresses of its buffers. */
export interface Call {
  readonly address: number;
  readonly buffers: number;
  readonly isDivided: boolean;
}

/** A buffer as moves see it. */
export interface Place {
  readonly address: number;
  readonly bytesPerElement: number;
}

export interface OrderSource {
  /** The calls of each kernel. */
  readonly calls: readonly (readonly Call[])[];
  readonly loops: readonly ProgramLoop[];
  placeOf(buffer: string): Place;
}

/** The steps of the kernels `from` … `to` - 1, as words. Of a loop that is not wholly among them the kernels run once. */
export function orderOf(source: OrderSource, from: number, to: number): readonly bigint[] {
  const steps: bigint[][] = [];
  const add = (...words: readonly number[]): void => {
    steps.push(Array.from({ length: STEP_WORDS }, (_, k) => BigInt(words[k] ?? 0)));
  };
  const move = ({ from: start, to: end, length, fromStride, toStride }: Move, isInLoop: boolean): void => {
    const [a, b] = [source.placeOf(start), source.placeOf(end)];
    const size = a.bytesPerElement;
    add(MOVE, a.address, b.address, length * size, fromStride * size, toStride * size, isInLoop ? 1 : 0);
  };
  const range = (first: number, last: number, loops: readonly ProgramLoop[], depth: number): void => {
    for (let k = first; k < last; ) {
      const at = loops.findIndex((loop) => loop.from >= k && loop.to <= last);
      const loop = at < 0 ? undefined : loops[at];
      const next = loop?.from ?? last;
      for (; k < next; k++)
        for (const { address, buffers, isDivided } of source.calls[k])
          add(CALL, address, buffers, isDivided ? 1 : 0);
      if (loop === undefined) continue;
      iterate(loop, loops.slice(at + 1), depth);
      k = loop.to;
    }
  };
  const iterate = (loop: ProgramLoop, others: readonly ProgramLoop[], depth: number): void => {
    invariant(depth < MOST_DEPTH, "loops within loops, but not so many");
    for (const initial of loop.initial) move(initial, false);
    if (loop.iterations === 0) return;
    const begin = steps.length;
    add(LOOP, loop.iterations, loop.descending ? 1 : 0);
    for (const before of loop.before) move(before, true);
    const inner = others.filter((other) => other.from >= loop.from && other.to <= loop.to);
    range(loop.from, loop.to, inner, depth + 1);
    for (const after of loop.after) move(after, true);
    add(END, begin);
  };
  range(from, to, source.loops, 0);
  return steps.flat();
}

/** A buffer's place. */
export const placeAt = (address: number, dtype: Parameters<typeof byteSize>[0]): Place => ({
  address,
  bytesPerElement: byteSize(dtype),
});
