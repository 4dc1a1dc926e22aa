/** The artifacts that flow through the pipeline, and the dump after a stage. */

import { type ProgramPlan, printPlan } from "../loop/plan.ts";
import { type LoweredProgram, printProgram } from "../loop/program.ts";
import { visitStatements } from "../loop/walk.ts";
import { printGraph } from "./print.ts";
import type { Graph } from "./types.ts";

/** A graph, then kernels, then kernels with a memory plan. */
export type Artifact = Graph | LoweredProgram | ProgramPlan;

/** The dump after one stage. */
export interface StageDump {
  readonly name: string;
  readonly doc: string;
  /** What the stage made; of the last one, generated code, what the code was made from. */
  readonly artifact: Artifact;
  readonly text: string;
  /** True when the text is that of the stage before. */
  readonly unchanged: boolean;
  readonly milliseconds: number;
}

export const isPlan = (artifact: Artifact): artifact is ProgramPlan => "placements" in artifact;

export const isGraph = (artifact: Artifact): artifact is Graph => !("kernels" in artifact);

/** The stage that an artifact is the result of, as far as it shows; passes over graphs that run once more change nothing. */
export function stageOf(artifact: Artifact): string {
  if (!isGraph(artifact)) {
    if (isPlan(artifact)) return "plan-memory";
    return stageOfProgram(artifact);
  }
  const { views, layouts, groups, partition } = artifact;
  if (views !== undefined || layouts !== undefined) return "layout";
  if (groups !== undefined) return "fuse";
  return partition !== undefined ? "partition" : "trace";
}

/** Passes over scheduled programs change nothing of what went through them already: the earliest is named that it may be. */
function stageOfProgram({ kernels, threads }: LoweredProgram): string {
  let stage =
    threads !== undefined
      ? "parallelize"
      : kernels.some((k) => k.schedule !== undefined)
        ? "schedule"
        : "lower";
  for (const { body } of kernels) {
    visitStatements(body, (s) => {
      if (s.kind !== "for") return;
      if (s.loop === "thread") stage = "parallelize";
      else if (s.inductions !== undefined && stage === "schedule") stage = "strength-reduction";
    });
  }
  return stage;
}

/** The text form of whatever a stage made. */
export function printArtifact(artifact: Artifact): string {
  if (isGraph(artifact)) return printGraph(artifact);
  return isPlan(artifact) ? printPlan(artifact) : printProgram(artifact);
}
