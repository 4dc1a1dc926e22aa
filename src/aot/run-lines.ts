/** The lines of a stand-alone module that run its kernels, with the loops that some of them stand in. */

import { byteSize } from "../core/dtype.ts";
import type { Move, ProgramLoop } from "../loop/loops.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { MemoryMap } from "./memory-map.ts";

/** Runs the kernels `from` … `to` - 1, loops among them in all their iterations; `bytes` is the memory. */
export function runLines(
  plan: ProgramPlan,
  map: MemoryMap,
  run: (from: number, to: number) => string,
  from: number,
  to: number,
): string[] {
  const dtypes = new Map(plan.buffers.map(({ name, dtype }) => [name, dtype]));
  const loops = plan.loops ?? [];
  const moveText = (move: Move, counter: string): string => {
    const size = byteSize(dtypes.get(move.from)!);
    const at = (buffer: string, stride: number): string =>
      `${map.addresses.get(buffer)}${stride === 0 ? "" : ` + ${counter} * ${stride * size}`}`;
    const start = at(move.from, move.fromStride);
    return `bytes.copyWithin(${at(move.to, move.toStride)}, ${start}, ${start} + ${move.length * size});`;
  };
  const range = (first: number, last: number, among: readonly ProgramLoop[], depth: number): string[] => {
    const loop = among.find((l) => l.from >= first && l.to <= last);
    if (loop === undefined) return first < last ? [run(first, last)] : [];
    const { iterations, descending, initial, before, after } = loop;
    const counter = `i${depth}`;
    const inner = among.slice(among.indexOf(loop) + 1).filter((l) => l.from >= loop.from && l.to <= loop.to);
    const header = descending
      ? `for (let ${counter} = ${iterations - 1}; ${counter} >= 0; ${counter}--) {`
      : `for (let ${counter} = 0; ${counter} < ${iterations}; ${counter}++) {`;
    return [
      ...(first < loop.from ? [run(first, loop.from)] : []),
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
