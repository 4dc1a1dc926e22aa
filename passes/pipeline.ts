/** The order of the passes, on one screen. */

import type { Graph } from "../src/ir/types.ts";
import type { StepUpdate } from "../src/ir/update.ts";
import type { Capabilities } from "../src/loop/capabilities.ts";
import type { ProgramPlan } from "../src/loop/plan.ts";
import type { LoweredProgram } from "../src/loop/program.ts";
import { JOIN_KERNELS, joinKernels } from "./codegen/join-kernels.ts";
import { lowerReductions } from "./codegen/lower-reductions.ts";
import { orderKernels } from "./codegen/order-kernels.ts";
import { PARALLELIZE, parallelize } from "./codegen/parallelize.ts";
import { planMemory } from "./codegen/plan-memory.ts";
import { PREPARE, prepare } from "./codegen/prepare.ts";
import { sharePanels } from "./codegen/share-panels.ts";
import { strengthReduction } from "./codegen/strength-reduction.ts";
import { FUSE, fuse } from "./fusion/fuse.ts";
import { accumulateGradients } from "./graph/accumulate-gradients.ts";
import { AUTODIFF, autodiff } from "./graph/autodiff.ts";
import { canonicalize } from "./graph/canonicalize.ts";
import { cse } from "./graph/cse.ts";
import { dce } from "./graph/dce.ts";
import { LAYOUT, layout, type StateLayouts } from "./graph/layout.ts";
import { partition } from "./graph/partition.ts";
import { simplify } from "./graph/simplify.ts";
import { TRAINING_STEP, trainingStep } from "./graph/training-step.ts";
import { lower } from "./lowering/lower.ts";
import type { PassManager } from "./manager.ts";
import { inBodies, type Pass, type StageInfo } from "./pass.ts";
import { SCHEDULE, type ScheduleOptions, schedule } from "./scheduling/schedule.ts";

export interface PipelineOptions extends ScheduleOptions {
  readonly capabilities: Capabilities;
  /** Names of the states to differentiate for; absent for a forward program. */
  readonly gradientsFor?: readonly string[];
  /** What happens to the gradients; absent if they are the result. */
  readonly update?: StepUpdate | "accumulate";
  /** The stage whose result the graph or the kernels are, if no model was traced: only the passes after it run. */
  readonly after?: string;
  /** Divides work among threads even where that does not pay; for tests. */
  readonly divideAlways?: boolean;
  /** The layouts of states that other programs use too. */
  readonly layouts?: StateLayouts;
}

/** A pass at its place in the order: its stage, and the pass, unless the options rule it out. */
interface Step<I, O> {
  readonly stage: StageInfo;
  make(options: PipelineOptions): Pass<I, O> | undefined;
}

const always = <I, O>(pass: Pass<I, O>): Step<I, O> => ({ stage: pass, make: () => pass });

/** A pass of code generation: backends that run kernels as lowered do not need it. */
const ofLoops = (pass: Pass<LoweredProgram, LoweredProgram>): Step<LoweredProgram, LoweredProgram> => ({
  stage: pass,
  make: ({ capabilities }) =>
    capabilities.schedules || capabilities.oneElementPerThread
      ? pass
      : { ...pass, run: (program) => program },
});

const updatePass = (update: StepUpdate | "accumulate"): Pass<Graph, Graph> =>
  update === "accumulate" ? accumulateGradients : trainingStep(update);

/** Passes over graphs, in order. */
const GRAPH_PASSES: readonly Step<Graph, Graph>[] = [
  always(inBodies(canonicalize)),
  { stage: AUTODIFF, make: ({ gradientsFor }) => gradientsFor && autodiff(gradientsFor) },
  { stage: TRAINING_STEP, make: ({ update }) => update && updatePass(update) },
  always(inBodies(simplify)),
  always(inBodies(cse)),
  always(dce),
  always(partition),
  { stage: FUSE, make: ({ capabilities }) => inBodies(fuse(capabilities)) },
  { stage: LAYOUT, make: ({ capabilities, layouts }) => inBodies(layout(capabilities, layouts)) },
];

/** Passes over lowered programs, in order. */
const PROGRAM_PASSES: readonly Step<LoweredProgram, LoweredProgram>[] = [
  { stage: SCHEDULE, make: ({ capabilities, ...options }) => schedule(capabilities, options) },
  always(orderKernels),
  ofLoops(sharePanels),
  { stage: PREPARE, make: ({ capabilities }) => (capabilities.prepares ? prepare : undefined) },
  ofLoops(lowerReductions),
  ofLoops(strengthReduction),
  {
    stage: PARALLELIZE,
    make: ({ capabilities, divideAlways }) => parallelize(capabilities, divideAlways),
  },
  { stage: JOIN_KERNELS, make: ({ capabilities }) => joinKernels(capabilities) },
];

/** Every stage of a dump, in order. */
export const STAGES: readonly StageInfo[] = [
  { name: "trace", doc: "The operations of the model's forward, one by one." },
  ...GRAPH_PASSES.map(({ stage }) => stage),
  lower,
  ...PROGRAM_PASSES.map(({ stage }) => stage),
  planMemory,
  { name: "source", doc: "The code that runs, kernel by kernel." },
];

/** Stages that exist only in a training step. */
export const TRAINING_STAGES: readonly StageInfo[] = [AUTODIFF, TRAINING_STEP];

/** Takes a traced graph to a plan that a backend can compile. */
export const runPipeline = (manager: PassManager, traced: Graph, options: PipelineOptions): ProgramPlan =>
  planLowered(manager, lowerTraced(manager, traced, options), options);

/** The first half: from a traced graph to unscheduled kernels. */
export const lowerTraced = (manager: PassManager, traced: Graph, options: PipelineOptions): LoweredProgram =>
  manager.run(lower, runSteps(manager, passesAfter(GRAPH_PASSES, options.after), traced, options));

/** The passes still to run: all of them, or those after a stage. */
const passesAfter = <T>(passes: readonly Step<T, T>[], stage: string | undefined): readonly Step<T, T>[] =>
  passes.slice(1 + passes.findIndex((step) => step.stage.name === stage));

/** Runs passes: a manager with its instruments, or the passes alone. */
export type Runner = Pick<PassManager, "run">;

/** The second half: schedules kernels and plans their memory. */
export const planLowered = (
  manager: Runner,
  program: LoweredProgram,
  options: PipelineOptions,
): ProgramPlan =>
  manager.run(planMemory, runSteps(manager, passesAfter(PROGRAM_PASSES, options.after), program, options));

function runSteps<T extends Graph | LoweredProgram>(
  manager: Runner,
  steps: readonly Step<T, T>[],
  start: T,
  options: PipelineOptions,
): T {
  return steps.reduce((value, { make }) => {
    const pass = make(options);
    return pass === undefined ? value : manager.run(pass, value);
  }, start);
}
