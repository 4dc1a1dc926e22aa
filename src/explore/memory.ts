/** The memory plan as data for the page: every buffer of the arena with the kernels that access it. */

import { shortName } from "../core/dtype.ts";
import { formatShape } from "../core/shape.ts";
import type { Compilation } from "../runtime/inspection/figures.ts";
import type { Memory, Placement } from "./data.ts";
import { NO_LINK } from "./link.ts";
import { joinLinks, type KernelLinks } from "./link-table.ts";

export function memoryOf({ plan, memory }: Compilation, { scheduled }: KernelLinks): Memory {
  const buffers = new Map(plan.buffers.map((buffer) => [buffer.name, buffer]));
  const touching = (name: string): string[] =>
    plan.kernels.filter((kernel) => kernel.buffers.some((b) => b.name === name)).map((kernel) => kernel.name);
  const placements = plan.placements.map(
    ({ buffer: name, byteOffset, byteLength, first, last }): Placement => {
      const { dtype, shape, value } = buffers.get(name)!;
      return {
        label: `${name}: ${shortName(dtype)}${formatShape(shape)} (${value})`,
        byteOffset,
        byteLength,
        first,
        last,
        link: joinLinks(touching(name).map((kernel) => scheduled.get(kernel) ?? NO_LINK)),
      };
    },
  );
  const { arenaBytes, parameterBytes, peakBytes, peakKernel } = memory;
  return { arenaBytes, parameterBytes, peakBytes, peakKernel, placements };
}
