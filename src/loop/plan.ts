/** A planned program, which backends compile: the lowered kernels with every arena buffer at its offset. */

import { byteSize } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import { printName } from "../core/spelling.ts";
import { movedBy, usesOf } from "./loops.ts";
import { joined, type LoweredProgram, type ProgramBuffer, printBuffers, printSettings } from "./program.ts";

/** The position of an arena buffer, and the kernels between which it is alive. */
export interface Placement {
  readonly buffer: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  /**
   * Index of the first kernel that accesses it; -1 if it exists
   * before, as the host has written it or kernels prepared it.
   */
  readonly first: number;
  /**
   * Index of the last kernel that accesses it; the number of kernels if it is kept, for the host or for the next run.
   */
  readonly last: number;
}

/** How long an arena buffer is alive, and its size. */
export type Lifetime = Omit<Placement, "byteOffset">;

export interface ProgramPlan extends LoweredProgram {
  readonly placements: readonly Placement[];
  readonly arenaBytes: number;
}

/** The alignment of arena buffers: a cache line, which is enough for any vector. */
export const ALIGNMENT = 64;

/** The next aligned offset from `offset` on. */
export const align = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT;

/** The size of a buffer in the arena: private scratch has a copy for each thread, each aligned. */
export function arenaBytesOf(
  { dtype, shape, private: isPrivate }: ProgramBuffer,
  { threads = 1 }: LoweredProgram,
): number {
  const bytes = Math.max(1, sizeOf(shape)) * byteSize(dtype);
  return isPrivate && threads > 1 ? threads * align(bytes) : bytes;
}

/** The lifetimes of all buffers in the arena; buffers that nothing accesses are never alive. */
export function lifetimesOf(program: LoweredProgram): Lifetime[] {
  const uses = usesOf(program);
  const outputs = new Set(program.outputs.map(({ buffer }) => buffer));
  const kept = keptFromRunToRun(program);
  return program.buffers
    .filter(({ role }) => role !== "state")
    .map((buffer) => {
      const { name } = buffer;
      const { first, last } = uses.get(name) ?? { first: Number.POSITIVE_INFINITY, last: -1 };
      return {
        buffer: name,
        byteLength: arenaBytesOf(buffer, program),
        first: kept.has(name) ? -1 : first,
        last: kept.has(name) || outputs.has(name) ? program.kernels.length : last,
      };
    });
}

/** The buffers that kernels prepare for those of the run, or for the host. */
export function keptFromRunToRun(program: LoweredProgram): ReadonlySet<string> {
  const { kernels, outputs, loops = [], preparedTo = 0 } = program;
  const written = kernels
    .slice(0, preparedTo)
    .flatMap(({ buffers }) => buffers.filter(({ access }) => access !== "read"));
  const used = new Set([
    ...kernels.slice(preparedTo).flatMap(({ buffers }) => buffers.map(({ name }) => name)),
    ...loops.flatMap((loop) => movedBy(loop).map(({ from }) => from)),
    ...outputs.map(({ buffer }) => buffer),
  ]);
  return new Set(written.flatMap(({ name }) => (used.has(name) ? [name] : [])));
}

/** The bytes alive at each time: before the first kernel, while each of `kernels` runs, and after the last. */
function aliveBy(lifetimes: readonly Lifetime[], kernels: number): readonly number[] {
  const more = new Array<number>(kernels + 3).fill(0);
  for (const { byteLength, first, last } of lifetimes) {
    if (first > last) continue;
    more[first + 1] += byteLength;
    more[last + 2] -= byteLength;
  }
  let alive = 0;
  return more.map((change) => {
    alive += change;
    return alive;
  });
}

/** The bytes alive while each of so many kernels runs. */
export const aliveDuring = (lifetimes: readonly Lifetime[], kernels: number): number[] =>
  aliveBy(lifetimes, kernels).slice(1, kernels + 1);

/** The most bytes that are alive together while a kernel runs: no arena is smaller. */
export const mostAlive = (lifetimes: readonly Lifetime[], kernels: number): number =>
  Math.max(...aliveBy(lifetimes, kernels));

/** The same for a program whose buffers have not been placed yet. */
export const peakOf = (program: LoweredProgram): number =>
  mostAlive(lifetimesOf(program), program.kernels.length);

/** The program's text with the offset of every arena buffer and the kernels between which it is alive. */
export function printPlan(plan: ProgramPlan): string {
  const { kernels, placements, arenaBytes } = plan;
  const widest = (numbers: readonly number[]): number => Math.max(1, ...numbers.map((n) => `${n}`.length));
  const offsets = widest(placements.map((p) => p.byteOffset));
  const lengths = widest(placements.map((p) => p.byteLength));
  const texts = new Map(
    placements.map(({ buffer, byteOffset, byteLength, first, last }) => {
      const moment = (k: number): string => (k < 0 ? "input" : k >= kernels.length ? "output" : `${k}`);
      const place = `offset ${`${byteOffset}`.padStart(offsets)}  bytes ${`${byteLength}`.padStart(lengths)}`;
      const isAlways = first < 0 && last >= kernels.length;
      const life = isAlways ? "always" : `kernels ${moment(first)}..${moment(last)}`;
      return [buffer, `${place}  ${life.padEnd(18)}`];
    }),
  );
  const total = placements.reduce((sum, p) => sum + p.byteLength, 0);
  const most = mostAlive(placements, kernels.length);
  const head = [
    `plan ${printName(plan.name)}`,
    ...printSettings(plan),
    `  arena ${arenaBytes} bytes`,
    `  # ${total} bytes of values lie in it, ${most} together at most; the kernels in the order they run:`,
    ...kernels.map(({ name }, k) => `  # ${`${k}`.padStart(3)} ${name}`),
    ...printBuffers(plan, (buffer) => texts.get(buffer) ?? ""),
  ];
  return joined(head, plan);
}
