/** The lines of a stand-alone module that run its kernels, including the loops around some of them. */

import { byteSize } from "../core/dtype.ts";
import type { Move, ProgramLoop } from "../loop/loops.ts";
import type { ProgramPlan } from "../loop/plan.ts";

/** A place in memory, in bytes: a buffer's, or an offset from its beginning for each counted iteration. */
export interface MovedPlace {
  readonly buffer: string;
  readonly offset: string;
}

/** The syntax of a language for it. */
export interface RunText {
  /** The type before a counter. */
  readonly counter: string;
  run(from: number, to: number): readonly string[];
  move(from: MovedPlace, to: MovedPlace, byteLength: number): string;
}

/** Runs the kernels `from` … `to` - 1, including all iterations of loops. */
export function runLines(plan: ProgramPlan, text: RunText, from: number, to: number): string[] {
  const dtypes = new Map(plan.buffers.map(({ name, dtype }) => [name, dtype]));
  const loops = plan.loops ?? [];
  const moveText = (move: Move, counter: string): string => {
    const size = byteSize(dtypes.get(move.from)!);
    const at = (buffer: string, stride: number): MovedPlace => ({
      buffer,
      offset: stride === 0 ? "" : ` + ${counter} * ${stride * size}`,
    });
    return text.move(at(move.from, move.fromStride), at(move.to, move.toStride), move.length * size);
  };
  const range = (first: number, last: number, among: readonly ProgramLoop[], depth: number): string[] => {
    const loop = among.find((l) => l.from >= first && l.to <= last);
    if (loop === undefined) return first < last ? [...text.run(first, last)] : [];
    const { iterations, descending, initial, before, after } = loop;
    const counter = `i${depth}`;
    const inner = among.slice(among.indexOf(loop) + 1).filter((l) => l.from >= loop.from && l.to <= loop.to);
    const header = descending
      ? `for (${text.counter} ${counter} = ${iterations - 1}; ${counter} >= 0; ${counter}--) {`
      : `for (${text.counter} ${counter} = 0; ${counter} < ${iterations}; ${counter}++) {`;
    return [
      ...(first < loop.from ? text.run(first, loop.from) : []),
      ...initial.map((move) => moveText(move, "0")),
      header,
      ...[
        ...before.map((move) => moveText(move, counter)),
        ...range(loop.from, loop.to, inner, depth + 1),
        ...after.map((move) => moveText(move, counter)),
      ].map((line) => `  ${line}`),
      "}",
      ...range(loop.to, last, among, depth),
    ];
  };
  return range(from, to, loops, 0);
}
