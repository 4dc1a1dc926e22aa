/** Exposes the choices of `schedule`: for each kernel every candidate as a small program, ready to be measured. */

import type { Capabilities } from "../src/loop/capabilities.ts";
import type { ProgramPlan } from "../src/loop/plan.ts";
import type { Binding, LoweredProgram, ProgramBuffer } from "../src/loop/program.ts";
import { printSchedule } from "../src/loop/schedule.ts";
import type { TuningCandidate, TuningTask } from "../src/loop/tuning-task.ts";
import type { Kernel } from "../src/loop/types.ts";
import { isProved } from "../src/loop/verify.ts";
import { planLowered, type Runner } from "./pipeline.ts";
import { kernelKey } from "./scheduling/kernel-key.ts";
import type { ProgramFacts } from "./scheduling/plans/strategy.ts";
import { applied, candidatesFor, factsOf, SCHEDULE, withScheduled } from "./scheduling/schedule.ts";

/**
 * One task for each kernel of `program` that can run in more than one way; kernels that do the same share one. There
 * is none for backends that run one element per thread, or that run kernels as lowered.
 */
export function tuningTasksOf(
  program: LoweredProgram,
  capabilities: Capabilities,
  allowsWinograd = true,
): readonly TuningTask[] {
  if (!capabilities.schedules || capabilities.oneElementPerThread) return [];
  const facts = factsOf(program, allowsWinograd);
  const tasks = new Map<string, TuningTask>();
  for (const kernel of program.kernels) {
    const key = kernelKey(kernel, capabilities);
    if (tasks.has(key)) continue;
    const entries = tuningCandidatesFor(kernel, capabilities, facts);
    if (entries.length > 1) tasks.set(key, { key, kernel: kernel.name, entries });
  }
  return [...tasks.values()];
}

/** The candidates by their schedules, cheapest first; if several have the same schedule, the cheapest of them. */
function tuningCandidatesFor(
  kernel: Kernel,
  capabilities: Capabilities,
  facts: ProgramFacts,
): readonly TuningCandidate[] {
  const sorted = candidatesFor(kernel, capabilities, facts)
    .map((candidate, place) => ({ candidate, place }))
    .sort((a, b) => a.candidate.cost - b.candidate.cost || a.place - b.place);
  const named = new Map<string, TuningCandidate>();
  const options = { capabilities: { ...capabilities, threads: 1 }, after: SCHEDULE.name };
  for (const { candidate } of sorted) {
    const name = printSchedule(candidate.schedule);
    if (named.has(name)) continue;
    const plan = (): ProgramPlan | undefined => {
      const made = applied(kernel, candidate, capabilities);
      if (!made.kernels.every(isProved)) return undefined;
      const planned = planLowered(PASSES_ALONE, withScheduled(alone(kernel), [made]), options);
      return planned.kernels.every(isProved) ? planned : undefined;
    };
    named.set(name, { name, cost: candidate.cost, plan });
  }
  return [...named.values()];
}

/** Programs of one kernel have no rules about states: what such a kernel overwrites is an input to them. */
const PASSES_ALONE: Runner = { run: (pass, input) => pass.run(input) };

/** A program of one kernel that can run repeatedly: its inputs stay alive after it, as results do. */
function alone(kernel: Kernel): LoweredProgram {
  const buffers = kernel.buffers.map(({ name, dtype, length, access }): ProgramBuffer => {
    const role = access === "write" ? "output" : access === "scratch" ? "scratch" : "input";
    return { name, dtype, shape: [length], role, value: name };
  });
  const bindings = (...accesses: readonly string[]): Binding[] =>
    kernel.buffers
      .filter(({ access }) => accesses.includes(access))
      .map(({ name, dtype, length }) => ({ name, buffer: name, dtype, shape: [length] }));
  return {
    name: kernel.name,
    kernels: [kernel],
    buffers,
    inputs: bindings("read", "readwrite"),
    outputs: bindings("read", "write", "readwrite"),
    states: [],
    scalars: kernel.scalars,
    commitFrom: 1,
  };
}
