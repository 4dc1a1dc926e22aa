/** The memory layout of a stand-alone module: states, arena and scalars in one memory, for both kinds of code. */

import { byteSize } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import type { ProgramPlan } from "../loop/plan.ts";

export interface MemoryMap {
  /** The byte offset of each buffer. */
  readonly addresses: ReadonlyMap<string, number>;
  /** The offset of the scalars, as doubles in the plan's order. */
  readonly scalarsAt: number;
  readonly byteLength: number;
}

/** A cache line, and enough for any vector. The first one stays unused: no buffer is at 0. */
const ALIGNMENT = 64;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Lays out the memory of a plan for one thread. */
export function mapMemory(plan: ProgramPlan): MemoryMap {
  invariant((plan.threads ?? 1) === 1, "a stand-alone module has one thread");
  const addresses = new Map<string, number>();
  let end = ALIGNMENT;
  for (const { buffer, dtype, shape } of plan.states) {
    addresses.set(buffer, end);
    end = align(end + sizeOf(shape) * byteSize(dtype));
  }
  for (const { buffer, byteOffset } of plan.placements) addresses.set(buffer, end + byteOffset);
  const scalarsAt = align(end + plan.arenaBytes);
  return { addresses, scalarsAt, byteLength: align(scalarsAt + 8 * plan.scalars.length) };
}
