/** Moves kernels out of loops that would compute the same in every iteration, such as panels of weights. */

import { movedBy, type ProgramLoop } from "../../../src/loop/loops.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import type { Kernel } from "../../../src/loop/types.ts";

/** The program whose loops hold no kernel that could as well run once before them. */
export function hoistInvariants(program: LoweredProgram): LoweredProgram {
  // The innermost loops come last: what leaves one of them may leave the next, too.
  return (program.loops ?? []).reduceRight((current, _, k) => hoistFrom(current, k), program);
}

function hoistFrom(program: LoweredProgram, place: number): LoweredProgram {
  const { kernels, loops = [] } = program;
  const loop = loops[place];
  const isInner = (k: number): boolean =>
    loops.some((l, n) => n > place && l.from <= k && k < l.to && l.to <= loop.to);
  const changing = changedIn(loop, place, program);
  const sources = new Set(
    loops.slice(place).flatMap((l) => (l.to <= loop.to ? movedBy(l).map(({ from }) => from) : [])),
  );
  const hoisted = new Set<Kernel>();
  // A loop that only moves values keeps the last kernel, which marks its place.
  for (let k = loop.from; k < loop.to && hoisted.size < loop.to - loop.from - 1; k++) {
    const kernel = kernels[k];
    const written = kernel.buffers.filter(({ access }) => access !== "read").map(({ name }) => name);
    const isOnly = written.every((name) => changing.get(name) === 1 && !sources.has(name));
    const isFixed = kernel.buffers.every(({ name, access }) => access === "write" || !changing.has(name));
    if (isInner(k) || !isOnly || !isFixed) continue;
    hoisted.add(kernel);
    for (const name of written) changing.delete(name);
  }
  if (hoisted.size === 0) return program;
  const inside = kernels.slice(loop.from, loop.to);
  const rest = inside.filter((kernel) => !hoisted.has(kernel));
  const stays = (k: number): number =>
    k - kernels.slice(loop.from, k).filter((kernel) => hoisted.has(kernel)).length + hoisted.size;
  const isWithin = (l: ProgramLoop, n: number): boolean =>
    n >= place && l.from >= loop.from && l.to <= loop.to;
  return {
    ...program,
    kernels: [
      ...kernels.slice(0, loop.from),
      ...inside.filter((kernel) => hoisted.has(kernel)),
      ...rest,
      ...kernels.slice(loop.to),
    ],
    loops: loops.map((l, n) => (isWithin(l, n) ? { ...l, from: stays(l.from), to: stays(l.to) } : l)),
  };
}

/** How often each buffer is written, or moved to, in an iteration of loop number `place`. */
export function changedIn(
  loop: ProgramLoop,
  place: number,
  { kernels, loops = [] }: LoweredProgram,
): Map<string, number> {
  const changing = new Map<string, number>();
  const change = (name: string): void => {
    changing.set(name, (changing.get(name) ?? 0) + 1);
  };
  for (const { buffers } of kernels.slice(loop.from, loop.to))
    for (const { name, access } of buffers) if (access !== "read") change(name);
  for (const inner of loops.slice(place))
    if (inner.to <= loop.to) for (const { to } of movedBy(inner)) change(to);
  return changing;
}
