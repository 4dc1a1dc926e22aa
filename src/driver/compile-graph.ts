/** Takes a graph that no model stands behind, such as one that was read from a dump, through the rest of the pipeline. */

import type { StageInfo } from "../../passes/pass.ts";
import type { Graph } from "../ir/types.ts";
import type { StepUpdate } from "../ir/update.ts";
import { type Compilation, kernelInfos, memoryInfo } from "../runtime/figures.ts";
import { runPasses, sourceStage, usableBackend } from "./build.ts";

/** What to compile a graph to. */
export interface GraphOptions {
  readonly backend?: string;
  /** The stage that the graph is the result of; the passes behind that stage run. */
  readonly start: StageInfo;
  /** How to make a training step of it; absent when it is compiled as it stands. */
  readonly training?: { readonly gradientsFor: readonly string[]; readonly update: StepUpdate };
}

/** Takes a graph through the rest of the pipeline, to code. There are no values to run it on: it is for looking at. */
export async function compileGraph(graph: Graph, options: GraphOptions): Promise<Compilation> {
  const backend = await usableBackend(options.backend);
  const { start, training } = options;
  const { plan, manager } = await runPasses(backend, start, graph, 0, { after: start.name, ...training });
  const begin = performance.now();
  const memory = backend.createStateMemory();
  memory.allocate(plan.states);
  const executable = await backend.compile(plan, memory);
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
