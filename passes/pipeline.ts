/** The order of the passes, on one screen. */

import type { Graph } from "../src/ir/types.ts";
import type { UpdateRule } from "../src/ir/update.ts";
import type { Capabilities } from "../src/loop/capabilities.ts";
import type { ProgramPlan } from "../src/loop/plan.ts";
import { autodiff } from "./autodiff.ts";
import { canonicalize } from "./canonicalize.ts";
import { cse } from "./cse.ts";
import { dce } from "./dce.ts";
import { fuse } from "./fuse.ts";
import { layout } from "./layout.ts";
import { lower } from "./lower.ts";
import type { PassManager } from "./manager.ts";
import { partition } from "./partition.ts";
import { planMemory } from "./plan-memory.ts";
import { schedule } from "./schedule.ts";
import { simplify } from "./simplify.ts";
import { trainingStep } from "./training-step.ts";

/** Every stage of a dump, in order, as `--stage` takes it. */
export const STAGES = [
  "trace",
  "canonicalize",
  "autodiff",
  "training-step",
  "simplify",
  "cse",
  "dce",
  "partition",
  "fuse",
  "layout",
  "lower",
  "schedule",
  "plan-memory",
  "source",
] as const;

export interface PipelineOptions {
  readonly capabilities: Capabilities;
  /** Names of the states to differentiate for; absent for a forward program. */
  readonly gradientsFor?: readonly string[];
  /** The optimizer's rule; absent when only gradients are wanted. */
  readonly update?: UpdateRule;
  /** Forces one scheduling strategy wherever it matches. */
  readonly strategy?: string;
}

/** Takes a traced graph to a plan that a backend can compile. */
export function runPipeline(manager: PassManager, traced: Graph, options: PipelineOptions): ProgramPlan {
  const { capabilities } = options;
  let graph = manager.run(canonicalize, traced);
  if (options.gradientsFor) graph = manager.run(autodiff(options.gradientsFor), graph);
  if (options.update) graph = manager.run(trainingStep(options.update), graph);
  graph = manager.run(simplify, graph);
  graph = manager.run(cse, graph);
  graph = manager.run(dce, graph);
  graph = manager.run(partition, graph);
  graph = manager.run(fuse(capabilities), graph);
  graph = manager.run(layout, graph);
  const program = manager.run(lower, graph);
  const scheduled = manager.run(schedule(capabilities, options.strategy), program);
  return manager.run(planMemory, scheduled);
}
