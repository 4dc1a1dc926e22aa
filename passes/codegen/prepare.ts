/**
 * Kernels that read nothing but states, such as those that pack or transform weights, compute the same in every run
 * until one of these states changes: they come first, and their results are kept from run to run. It is loop-invariant
 * code motion out of the loop of the program's runs.
 */

import { byteSize } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { movedBy, withKernelsAt } from "../../src/loop/loops.ts";
import { type LoweredProgram, readOnlyStates } from "../../src/loop/program.ts";
import type { Pass, StageInfo } from "../pass.ts";

export const PREPARE: StageInfo = {
  name: "prepare",
  doc: "Kernels that read nothing but states come first: they run once, and again if one of these states has changed.",
};

export const prepare: Pass<LoweredProgram, LoweredProgram> = {
  ...PREPARE,
  run(program) {
    const { kernels, loops } = program;
    const invariant = invariantKernels(program);
    if (invariant.size === 0) return program;
    const rest = [...kernels.keys()].filter((k) => !invariant.has(k));
    const place = (k: number): number => invariant.size + rest.filter((other) => other < k).length;
    return {
      ...program,
      kernels: [...[...invariant].sort((a, b) => a - b), ...rest].map((k) => kernels[k]),
      ...(loops && { loops: withKernelsAt(loops, place) }),
      preparedTo: invariant.size,
      commitFrom: place(program.commitFrom),
    };
  },
};

/**
 * How many bytes may be kept for each byte of the states they
 * are computed from: Winograd's filter transforms take most,
 * 64 numbers for 9 with F(6×6, 3×3); panels take one and their padding. And how many bytes may be kept in any case.
 */
const MOST_GROWTH = 8;
const LITTLE = 2 ** 16;

/** The kernels that compute the same from the same states in every run, wherever they are. */
function invariantKernels(program: LoweredProgram): ReadonlySet<number> {
  const { kernels, loops = [], commitFrom } = program;
  const states = new Set(program.states.map(({ buffer }) => buffer));
  const constant = readOnlyStates(program);
  const moves = loops.flatMap((loop) => movedBy(loop).map((move) => ({ ...move, at: loop.from })));
  const moved = new Set(moves.map(({ to }) => to));
  const writers = new Map<string, number[]>();
  const readers = new Map<string, number[]>();
  const note = (of: Map<string, number[]>, name: string, k: number): void => {
    of.set(name, [...(of.get(name) ?? []), k]);
  };
  for (const [k, { buffers }] of kernels.entries())
    for (const { name, access } of buffers) {
      if (access !== "read") note(writers, name, k);
      if (access !== "write") note(readers, name, k);
    }
  for (const { from, at } of moves) note(readers, from, at);

  const isInLoop = (k: number): boolean => loops.some(({ from, to }) => from <= k && k < to);
  const invariant = new Set(
    [...kernels.keys()].filter((k) => k < commitFrom && kernels[k].scalars.length === 0 && !isInLoop(k)),
  );
  /** Whether a buffer holds the same in every run, whenever it is read. */
  const isInvariant = (name: string): boolean => {
    const own = writers.get(name) ?? [];
    if (states.has(name)) return constant.has(name);
    if (own.length === 0 || moved.has(name) || !own.every((k) => invariant.has(k))) return false;
    return (readers.get(name) ?? []).every((k) => invariant.has(k) || k > Math.max(...own));
  };
  const isWorthItsMemory = memoryLimit(program);
  for (let before = -1; before !== invariant.size; ) {
    before = invariant.size;
    for (const k of invariant)
      if (!kernels[k].buffers.every(({ name }) => isInvariant(name)) || !isWorthItsMemory(k))
        invariant.delete(k);
  }
  return invariant;
}

/** Whether a kernel's results are not much larger than the states they are computed from. */
function memoryLimit({ kernels, buffers }: LoweredProgram): (kernel: number) => boolean {
  const bytes = new Map(buffers.map(({ name, dtype, shape }) => [name, byteSize(dtype) * sizeOf(shape)]));
  const sources = new Map<string, ReadonlySet<string>>();
  const sourcesOf = (name: string): ReadonlySet<string> => sources.get(name) ?? new Set([name]);
  const total = (names: Iterable<string>): number =>
    [...names].reduce((sum, name) => sum + bytes.get(name)!, 0);
  const isSmall = kernels.map(({ buffers: params }) => {
    const written = params.flatMap(({ name, access }) => (access === "read" ? [] : [name]));
    const read = params
      .filter(({ access }) => access !== "write")
      .flatMap(({ name }) => [...sourcesOf(name)]);
    const own = new Set(read.filter((name) => !written.includes(name)));
    for (const name of written) sources.set(name, own);
    return total(written) <= Math.max(LITTLE, MOST_GROWTH * total(own));
  });
  return (kernel) => isSmall[kernel];
}
