/** What is known about a compiled program without running it: its stages, and the work and memory of every kernel. */

import type { KernelSource } from "../../../backends/backend.ts";
import { byteSize } from "../../core/dtype.ts";
import type { Origin } from "../../core/origin.ts";
import { sizeOf } from "../../core/shape.ts";
import type { StageDump } from "../../ir/artifact.ts";
import { flopsOf } from "../../loop/flops.ts";
import { iterationsOf } from "../../loop/loops.ts";
import { keptFromRunToRun, type ProgramPlan } from "../../loop/plan.ts";
import { printSchedule } from "../../loop/schedule.ts";

/** One kernel of a program. */
export interface KernelInfo {
  /** Its name in dumps and profiles. */
  readonly name: string;
  /** The lines of the model that it computes. */
  readonly origins: readonly Origin[];
  /** The code that runs. */
  readonly source: string;
  /** Whether it reads nothing but states: it runs once, and again if one of them has changed. */
  readonly prepares: boolean;
  /**
   * Operations that one run executes (multiply-add = 2), for all iterations of a loop; lists of winners count as full.
   */
  readonly flops: number;
  /** Operations of the dense form, before a strategy skips anything. */
  readonly nominalFlops: number;
  /** The transformations that made it, as dumps print them; absent for backends that run kernels as lowered. */
  readonly schedule?: string;
  /**
   * The time that the cost model expects, in multiply-adds of a full register tile (of vectors, if the backend has
   * them), including packing for this kernel and finishing it; absent for kernels that are part of another's.
   */
  readonly estimate?: number;
  /** The same in dense GFLOP/s, on the machine of the benchmarks. */
  readonly estimatedGflops?: number;
  /** Bytes of all buffers that it reads and writes, for every time it does so in one run. */
  readonly bytes: number;
}

/** The memory that a program takes, in bytes. */
export interface MemoryInfo {
  /** The arena that all activations, gradients and scratch share. */
  readonly arenaBytes: number;
  /** The part of it that is kept from run to run: what kernels have prepared from states, such as packed weights. */
  readonly preparedBytes: number;
  /** Parameters, buffers and optimizer states of this program. */
  readonly parameterBytes: number;
  /** The total size of the arena's buffers if they shared no memory. */
  readonly unsharedBytes: number;
  /** The most bytes of buffers that are alive at once: no arena could be smaller. */
  readonly peakBytes: number;
  /** The first kernel at which this maximum is reached. */
  readonly peakKernel: string;
}

/** Everything about one compilation that can be inspected. */
export interface Compilation {
  /** The backend that runs it, including its mode. */
  readonly backend: string;
  /** Every stage in order, generated code last. */
  readonly stages: readonly StageDump[];
  readonly plan: ProgramPlan;
  readonly kernels: readonly KernelInfo[];
  readonly memory: MemoryInfo;
}

/** The kernels of a plan in the order they run, each with its code. */
export function kernelInfos(plan: ProgramPlan, sources: readonly KernelSource[]): readonly KernelInfo[] {
  const texts = new Map(sources.map(({ name, text }) => [name, text]));
  return plan.kernels.map((kernel, k) => ({
    name: kernel.name,
    origins: kernel.origins,
    source: texts.get(kernel.name) ?? "",
    prepares: k < (plan.preparedTo ?? 0),
    flops: iterationsOf(plan, k) * flopsOf(kernel),
    nominalFlops: iterationsOf(plan, k) * kernel.nominalFlops,
    ...(kernel.schedule !== undefined && { schedule: printSchedule(kernel.schedule) }),
    ...(kernel.estimate !== undefined && { estimate: iterationsOf(plan, k) * kernel.estimate }),
    ...(kernel.estimatedGflops !== undefined && { estimatedGflops: kernel.estimatedGflops }),
    bytes: iterationsOf(plan, k) * kernel.buffers.reduce((sum, b) => sum + b.length * byteSize(b.dtype), 0),
  }));
}

export function memoryInfo(plan: ProgramPlan): MemoryInfo {
  const { kernels, placements } = plan;
  const alive = kernels.map((_, k) =>
    placements.reduce((sum, p) => sum + (p.first <= k && k <= p.last ? p.byteLength : 0), 0),
  );
  const peakBytes = Math.max(0, ...alive);
  const kept = keptFromRunToRun(plan);
  return {
    arenaBytes: plan.arenaBytes,
    preparedBytes: placements.reduce((sum, p) => sum + (kept.has(p.buffer) ? p.byteLength : 0), 0),
    parameterBytes: plan.states.reduce((sum, s) => sum + sizeOf(s.shape) * byteSize(s.dtype), 0),
    unsharedBytes: placements.reduce((sum, p) => sum + p.byteLength, 0),
    peakBytes,
    peakKernel: kernels[alive.indexOf(peakBytes)]?.name ?? "",
  };
}
