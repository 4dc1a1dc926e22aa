/**
 * Orders the kernels that fill scratch for one reader: first those that free the most memory, since the buffers that
 * the others fill are not alive yet then.
 */

import { usesOf } from "../../src/loop/loops.ts";
import { partNames } from "../../src/loop/parts.ts";
import { arenaBytesOf } from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Kernel } from "../../src/loop/types.ts";

/** The program with packing kernels in that order; kernels that have been joined stay where they are. */
export function inPackOrder(program: LoweredProgram): LoweredProgram {
  const { kernels, loops = [], commitFrom } = program;
  if (kernels.some((kernel) => partNames(kernel).length > 1)) return program;
  const uses = usesOf(program);
  const buffers = new Map(program.buffers.map((buffer) => [buffer.name, buffer]));
  const isScratch = (name: string): boolean => buffers.get(name)?.role === "scratch";
  const isPack = ({ buffers: params }: Kernel): boolean =>
    params.every(({ name, access }) => access === (isScratch(name) ? "write" : "read"));
  const bounds = new Set([commitFrom, ...loops.flatMap(({ from, to }) => [from, to])]);
  const ordered: Kernel[] = [];
  for (let from = 0; from < kernels.length; ) {
    let to = from + 1;
    if (isPack(kernels[from])) while (to < kernels.length && !bounds.has(to) && isPack(kernels[to])) to++;
    const freedBy = ({ buffers: params }: Kernel): number =>
      params.reduce((sum, { name, access }) => {
        const buffer = buffers.get(name)!;
        const isFreed = access === "read" && buffer.role !== "state" && uses.get(name)!.last < to;
        return isFreed ? sum + arenaBytesOf(buffer, program) : sum;
      }, 0);
    ordered.push(...kernels.slice(from, to).sort((a, b) => freedBy(b) - freedBy(a)));
    from = to;
  }
  return ordered.every((kernel, k) => kernel === kernels[k]) ? program : { ...program, kernels: ordered };
}
