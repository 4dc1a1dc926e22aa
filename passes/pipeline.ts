/** The order of the passes, on one screen. */

import type { Graph } from "../src/ir/types.ts";
import type { StepUpdate } from "../src/ir/update.ts";
import type { Capabilities } from "../src/loop/capabilities.ts";
import type { ProgramPlan } from "../src/loop/plan.ts";
import type { LoweredProgram } from "../src/loop/program.ts";
import { accumulateGradients } from "./accumulate-gradients.ts";
import { AUTODIFF, autodiff } from "./autodiff.ts";
import { canonicalize } from "./canonicalize.ts";
import { cse } from "./cse.ts";
import { dce } from "./dce.ts";
import { FUSE, fuse } from "./fuse.ts";
import { layout } from "./layout.ts";
import { lower } from "./lower.ts";
import type { PassManager } from "./manager.ts";
import { partition } from "./partition.ts";
import type { Pass, StageInfo } from "./pass.ts";
import { planMemory } from "./plan-memory.ts";
import { SCHEDULE, schedule } from "./schedule.ts";
import { simplify } from "./simplify.ts";
import { TRAINING_STEP, trainingStep } from "./training-step.ts";

export interface PipelineOptions {
  readonly capabilities: Capabilities;
  /** Names of the states to differentiate for; absent for a forward program. */
  readonly gradientsFor?: readonly string[];
  /** What becomes of the gradients; absent when they are the result. */
  readonly update?: StepUpdate | "accumulate";
  /** Forces one scheduling strategy wherever it matches. */
  readonly strategy?: string;
}

/** A pass in its place: how its stage is known, and the pass, unless the options do not ask for it. */
interface Step<I, O> {
  readonly stage: StageInfo;
  make(options: PipelineOptions): Pass<I, O> | undefined;
}

const always = <I, O>(pass: Pass<I, O>): Step<I, O> => ({ stage: pass, make: () => pass });

const updatePass = (update: StepUpdate | "accumulate"): Pass<Graph, Graph> =>
  update === "accumulate" ? accumulateGradients : trainingStep(update);

/** Passes over graphs, in order. */
const GRAPH_PASSES: readonly Step<Graph, Graph>[] = [
  always(canonicalize),
  { stage: AUTODIFF, make: ({ gradientsFor }) => gradientsFor && autodiff(gradientsFor) },
  { stage: TRAINING_STEP, make: ({ update }) => update && updatePass(update) },
  always(simplify),
  always(cse),
  always(dce),
  always(partition),
  { stage: FUSE, make: ({ capabilities }) => fuse(capabilities) },
  always(layout),
];

/** Passes over lowered programs, in order. */
const PROGRAM_PASSES: readonly Step<LoweredProgram, LoweredProgram>[] = [
  { stage: SCHEDULE, make: ({ capabilities, strategy }) => schedule(capabilities, strategy) },
];

/** Every stage of a dump, in order. */
export const STAGES: readonly StageInfo[] = [
  { name: "trace", doc: "What the model's forward did, op by op." },
  ...GRAPH_PASSES.map(({ stage }) => stage),
  lower,
  ...PROGRAM_PASSES.map(({ stage }) => stage),
  planMemory,
  { name: "source", doc: "The code that runs, kernel by kernel." },
];

/** Stages that exist in a training step alone. */
export const TRAINING_STAGES: readonly StageInfo[] = [AUTODIFF, TRAINING_STEP];

/** Takes a traced graph to a plan that a backend can compile. */
export function runPipeline(manager: PassManager, traced: Graph, options: PipelineOptions): ProgramPlan {
  const runAll = <T extends Graph | LoweredProgram>(steps: readonly Step<T, T>[], start: T): T =>
    steps.reduce((value, { make }) => {
      const pass = make(options);
      return pass === undefined ? value : manager.run(pass, value);
    }, start);
  const program = manager.run(lower, runAll(GRAPH_PASSES, traced));
  return manager.run(planMemory, runAll(PROGRAM_PASSES, program));
}
