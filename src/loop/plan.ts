/** A planned program: the lowered kernels with every arena buffer at its offset. What backends compile. */

import { shortName } from "../core/dtype.ts";
import { formatShape } from "../core/shape.ts";
import type { LoweredProgram } from "./program.ts";

/** Where an arena buffer lies, and the kernels between which it is alive. */
export interface Placement {
  readonly buffer: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Index of the first kernel that touches it; -1 when the host writes it. */
  readonly first: number;
  /** Index of the last kernel that touches it; the number of kernels when the host reads it. */
  readonly last: number;
}

export interface ProgramPlan extends LoweredProgram {
  readonly placements: readonly Placement[];
  readonly arenaBytes: number;
}

/** The memory plan as text: offsets, sizes and lifetimes. */
export function printPlan(plan: ProgramPlan): string {
  const byName = new Map(plan.buffers.map((b) => [b.name, b]));
  const rows = plan.placements.map((p) => {
    const b = byName.get(p.buffer)!;
    const life = `${p.first < 0 ? "input" : p.first} .. ${p.last >= plan.kernels.length ? "output" : p.last}`;
    return `  ${String(p.byteOffset).padStart(9)} +${String(p.byteLength).padStart(9)}  kernels ${life.padEnd(14)} ${p.buffer}: ${shortName(b.dtype)}${formatShape(b.shape)}  # ${b.value}`;
  });
  const order = plan.kernels.map(
    (k, index) => `  ${index} ${k.name}${index === plan.commitFrom ? "   (commits the step)" : ""}`,
  );
  const total = plan.placements.reduce((sum, p) => sum + p.byteLength, 0);
  return [
    `plan ${plan.name}: arena ${plan.arenaBytes} bytes for ${total} bytes of values`,
    ...rows,
    "run order",
    ...order,
  ].join("\n");
}
