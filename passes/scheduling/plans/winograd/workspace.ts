/** The scratch of a Winograd kernel and how its statements are put together: phases under one loop over blocks of images. */

import type { ProgramBuffer } from "../../../../src/loop/program.ts";
import type { BufferParam, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { usedBuffers } from "../../../../src/loop/used-buffers.ts";
import { LANE } from "../../analysis/lanes.ts";
import { type GridLoop, type StoreTarget, statementsOf } from "../../analysis/nest.ts";

/** Scratch as the program's buffer and as a kernel's parameter. */
export interface Scratch {
  readonly name: string;
  readonly buffer: ProgramBuffer;
  readonly param: BufferParam;
}

/** `isPrivate` when nothing in it outlives an iteration of the kernel's outermost loop. */
export function scratch(kernel: Kernel, what: string, length: number, isPrivate: boolean): Scratch {
  const name = `${kernel.name}_${what}`;
  const own = isPrivate ? ({ private: true } as const) : {};
  return {
    name,
    buffer: {
      name,
      dtype: "float32",
      shape: [length],
      role: "scratch",
      value: `${what} of ${kernel.name}`,
      ...own,
    },
    param: { name, dtype: "float32", length, access: "scratch", ...own },
  };
}

/** The loop whose iterations are the lanes of a vector. */
export const lane = (width: number): GridLoop => ({ name: LANE, extent: width, loop: "vector" });

/** Writes phases of a kernel: stores under loops, all of them inside of loops that the kernel writes itself. */
export class Phases {
  stores(loops: readonly GridLoop[], stores: readonly StoreTarget[]): Stmt[] {
    return statementsOf({ loops, stores });
  }

  /** `loops` around what `body` writes. */
  within(loops: readonly GridLoop[], body: (inner: Phases) => readonly Stmt[]): Stmt[] {
    return loops.reduceRight<Stmt[]>(
      (statements, { name, extent, loop = "serial" }) => [
        { kind: "for", name, extent, loop, body: statements },
      ],
      [...body(this)],
    );
  }
}

/** A kernel of `body` that declares what the statements touch. */
export function kernelOf(
  like: Kernel,
  buffers: readonly BufferParam[],
  body: readonly Stmt[],
  parts: Partial<Kernel>,
): Kernel {
  const { loaded, stored, scalars } = usedBuffers(body);
  return {
    ...like,
    buffers: buffers.filter((b) => loaded.has(b.name) || stored.has(b.name)),
    scalars: [...scalars],
    body,
    ...parts,
  };
}
