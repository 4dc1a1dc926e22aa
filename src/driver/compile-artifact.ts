/**
 * Takes a graph or kernels that come from no model, such as those read from a dump, through the rest of the pipeline.
 */

import type { Backend, Executable } from "../../backends/backend.ts";
import { PassManager } from "../../passes/manager.ts";
import type { StageInfo } from "../../passes/pass.ts";
import { lowerTraced, type PipelineOptions, planLowered } from "../../passes/pipeline.ts";
import { KilnError } from "../core/errors.ts";
import { type Artifact, isGraph, isPlan, stageOf } from "../ir/artifact.ts";
import type { StepUpdate } from "../ir/update.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import { type Compilation, kernelInfos, memoryInfo } from "../runtime/inspection/figures.ts";
import { sourceStage, usableBackend } from "./build.ts";
import { requireFit } from "./fit.ts";

/** What to compile to. */
export interface ArtifactOptions {
  readonly backend?: string;
  /** The stage whose result this is; the passes after it run. Derived from the artifact if absent. */
  readonly start?: StageInfo;
  /** How to make a training step of a graph; absent if it is compiled unchanged. */
  readonly training?: { readonly gradientsFor: readonly string[]; readonly update: StepUpdate };
}

/** Takes an artifact through the rest of the pipeline, to code. Without values it cannot be run, only inspected. */
export async function compileArtifact(artifact: Artifact, options: ArtifactOptions): Promise<Compilation> {
  const backend = await backendFor(artifact, options.backend);
  const { start = { name: stageOf(artifact), doc: "" }, training } = options;
  const manager = new PassManager();
  manager.start(start, artifact, 0);
  const { capabilities } = backend;
  const plan = planned(manager, artifact, backend, { capabilities, after: start.name, ...training });
  const begin = performance.now();
  const executable = await loaded(plan, backend);
  const source = sourceStage(plan, executable, performance.now() - begin);
  await executable.dispose();
  return {
    backend: executable.backend,
    stages: [...manager.stages(), source],
    plan,
    kernels: kernelInfos(plan, executable.sources),
    memory: memoryInfo(plan),
  };
}

/** Graphs and plans from text may contain any sizes. */
async function loaded(plan: ProgramPlan, backend: Backend): Promise<Executable> {
  const memory = backend.createStateMemory();
  const stateBytes = memoryInfo(plan).parameterBytes;
  try {
    memory.allocate(plan.states);
    return await backend.compile(plan, memory);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // Engines throw a RangeError for memory that they cannot have, and for calls that go too deep.
    if (/call stack/i.test(error.message)) {
      throw new KilnError(`the kernels hold expressions that are nested too deeply for ${backend.name}`);
    }
    throw new KilnError(
      `${backend.name} cannot have the memory, ${plan.arenaBytes} bytes and ${stateBytes} for states: ${error.message}`,
    );
  }
}

function planned(
  manager: PassManager,
  artifact: Artifact,
  backend: Backend,
  options: PipelineOptions,
): ProgramPlan {
  if (isGraph(artifact)) return planLowered(manager, lowerTraced(manager, artifact, options), options);
  requireFit(artifact, options.after ?? stageOf(artifact), backend);
  return isPlan(artifact) ? artifact : planLowered(manager, artifact, options);
}

/** The backend of that name; with as many threads as kernels were scheduled for, if it can have them. */
async function backendFor(artifact: Artifact, name: string | undefined): Promise<Backend> {
  const backend = await usableBackend(name);
  const threads = isGraph(artifact) ? 1 : (artifact.threads ?? 1);
  if (threads <= backend.capabilities.threads) return backend;
  try {
    return await usableBackend(name, { threads });
  } catch (error) {
    // What it lacks is reported when the kernels are examined, one by one.
    if (error instanceof KilnError) return backend;
    throw error;
  }
}
