/**
 * Joins independent kernels: threads that have done their share of one go on with the next without a barrier in
 * between. Kernels that pack are placed next to others that run before the kernel they pack for. Kernels that one
 * thread runs are joined even if they depend on each other.
 */

import type { Capabilities } from "../../src/loop/capabilities.ts";
import { withKernelsAt } from "../../src/loop/loops.ts";
import { joinedKernel, partNames } from "../../src/loop/parts.ts";
import { peakOf } from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Pass, StageInfo } from "../pass.ts";
import { KernelGroups } from "./kernel-groups.ts";
import { LiveBytes } from "./live-bytes.ts";

/** How often to try again with less memory: what is alive before kernels are placed is not all that is alive after. */
const TRIALS = 4;

export const JOIN_KERNELS: StageInfo = {
  name: "join-kernels",
  doc: "Independent kernels become one, whose parts threads run without a barrier in between.",
};

export const joinKernels = ({ memory }: Capabilities): Pass<LoweredProgram, LoweredProgram> => ({
  ...JOIN_KERNELS,
  run(program) {
    const isJoined = program.kernels.some((kernel) => partNames(kernel).length > 1);
    if ((program.threads ?? 1) === 1 || isJoined) return program;
    const peak = peakOf(program);
    let most = peak;
    for (let trial = 0; trial < TRIALS; trial++) {
      const joined = joinedWithin(program, most, memory.farBytes);
      const beyond = peakOf(joined) - peak;
      if (beyond <= 0) return joined;
      most -= beyond;
    }
    return program;
  },
});

/**
 * The program with kernels joined as long as at most `most` bytes are alive and `packed` bytes packed for one kernel.
 */
function joinedWithin(program: LoweredProgram, most: number, packed: number): LoweredProgram {
  const { kernels, loops = [], preparedTo = 0, commitFrom } = program;
  const live = new LiveBytes(program);
  // Loops, prepared kernels and the commit begin and end between kernels.
  const bounds = new Set([
    0,
    preparedTo,
    commitFrom,
    kernels.length,
    ...loops.flatMap(({ from, to }) => [from, to]),
  ]);
  const places = [...bounds].sort((a, b) => a - b);
  const limits = { live, most, packed };
  const groups = places
    .slice(1)
    .map((to, k) => new KernelGroups(program, { from: places[k], to }, limits).inOrder());
  const before = (k: number): number =>
    groups.slice(0, places.indexOf(k)).reduce((count, { length }) => count + length, 0);
  if (before(kernels.length) === kernels.length) return program;
  return {
    ...program,
    kernels: groups.flat().map((members) => {
      const parts = members.map((k) => kernels[k]);
      return parts.length === 1 ? parts[0] : joinedKernel(parts);
    }),
    ...(program.loops && { loops: withKernelsAt(program.loops, before) }),
    ...(preparedTo > 0 && { preparedTo: before(preparedTo) }),
    commitFrom: before(commitFrom),
  };
}
