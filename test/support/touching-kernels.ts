/** Programs of kernels that are defined only by what they read and write: for passes that change the kernels' order. */

import { lifetimesOf, mostAlive } from "../../src/loop/plan.ts";
import type { BufferRole, LoweredProgram, ProgramBuffer } from "../../src/loop/program.ts";
import type { BufferParam, Kernel } from "../../src/loop/types.ts";

/** A buffer: its role, and its number of floats. */
export type Sizes = Readonly<Record<string, readonly [BufferRole, number]>>;

/** A kernel by what it reads and writes; what it computes does not matter for its place. */
export type Touches = readonly [name: string, reads: readonly string[], writes: readonly string[]];

export function programOf(sizes: Sizes, touches: readonly Touches[], parts: Partial<LoweredProgram> = {}) {
  const buffers = Object.entries(sizes).map(
    ([name, [role, length]]): ProgramBuffer => ({ name, role, dtype: "float32", shape: [length], value: "" }),
  );
  const bound = (role: BufferRole) =>
    buffers.flatMap(({ name, shape, ...b }) =>
      b.role === role ? [{ name, buffer: name, dtype: "float32" as const, shape }] : [],
    );
  const param = (name: string, access: BufferParam["access"]): BufferParam => ({
    name,
    dtype: "float32",
    length: sizes[name][1],
    access,
  });
  const kernels = touches.map(
    ([name, reads, writes]): Kernel => ({
      name,
      ops: [name],
      buffers: [
        ...reads.filter((b) => !writes.includes(b)).map((b) => param(b, "read")),
        ...writes.map((b) => param(b, reads.includes(b) ? "readwrite" : "write")),
      ],
      scalars: [],
      body: [],
      origins: [],
      nominalFlops: 0,
    }),
  );
  return {
    ...{ name: "test", kernels, buffers, scalars: [], commitFrom: kernels.length },
    ...{ inputs: bound("input"), outputs: bound("output"), states: bound("state") },
    ...parts,
  } satisfies LoweredProgram;
}

export const namesOf = ({ kernels }: LoweredProgram): string => kernels.map(({ name }) => name).join(" ");

export const peakOf = (program: LoweredProgram): number =>
  mostAlive(lifetimesOf(program), program.kernels.length);
