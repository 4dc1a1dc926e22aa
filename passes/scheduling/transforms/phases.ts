/** Carries out the schedules of a contraction's phases, and makes one kernel of what finishes them. */

import { InternalError } from "../../../src/core/errors.ts";
import type { Schedule } from "../../../src/loop/schedule.ts";
import type { BufferParam, Kernel, Stmt } from "../../../src/loop/types.ts";
import { usedBuffers, withBody } from "../../../src/loop/used-buffers.ts";
import { phasesOf } from "../analysis/phases.ts";
import type { Scheduled } from "./nests.ts";

/** The kernels of all phases by `apply`: what packs and transforms for them, then one whose sections store the results. */
export function applyPhases(
  kernel: Kernel,
  schedule: Schedule,
  apply: (kernel: Kernel, schedule: Schedule) => Scheduled,
): Scheduled {
  const phases = phasesOf(kernel);
  if (phases === undefined) throw new InternalError(`${kernel.name} has no phases to be scheduled by`);
  const made = phases.kernels.map((phase, k) => apply(phase, stepsOf(schedule, k)));
  const last = made.map(({ kernels }) => kernels[kernels.length - 1]);
  const body = last.flatMap(({ name, body }): readonly Stmt[] =>
    body.every(({ kind }) => kind === "section") ? body : [{ kind: "section", name, body }],
  );
  const { stored, loaded } = usedBuffers(body);
  const declared = new Map<string, BufferParam>();
  for (const { buffers } of last) {
    for (const buffer of buffers) declared.set(buffer.name, buffer);
  }
  const buffers = [...declared.values()].map((buffer): BufferParam => {
    const isShared = buffer.access !== "scratch" && stored.has(buffer.name) && loaded.has(buffer.name);
    return isShared ? { ...buffer, access: "readwrite" } : buffer;
  });
  const joined: Kernel = {
    ...withBody(kernel, buffers, body),
    schedule,
    nominalFlops: phases.kernels.reduce((sum, { nominalFlops }) => sum + nominalFlops, 0),
  };
  // The kernel that stores the results stands for the arithmetic of all.
  const before = made.flatMap(({ kernels }) => kernels.slice(0, -1).map((k) => ({ ...k, nominalFlops: 0 })));
  return {
    kernels: [...before, joined],
    scratch: made.flatMap(({ scratch }) => scratch),
  };
}

/** The steps behind the mark of a phase. */
function stepsOf(schedule: Schedule, phase: number): Schedule {
  const start = schedule.findIndex((step) => step.kind === "phase" && step.number === phase);
  if (start < 0) throw new InternalError(`a schedule by phases has no phase ${phase}`);
  const rest = schedule.slice(start + 1);
  const end = rest.findIndex((step) => step.kind === "phase");
  return end < 0 ? rest : rest.slice(0, end);
}
