/** LeNet, the CIFAR-10 net and other graphs at every stage of the pipeline, for tests of passes. */

import type { Backend } from "../../backends/backend.ts";
import { js } from "../../backends/js/backend.ts";
import Cifar10 from "../../examples/cifar10.ts";
import LeNet from "../../examples/lenet.ts";
import { planMemory } from "../../passes/codegen/plan-memory.ts";
import { PassManager } from "../../passes/manager.ts";
import type { Pass } from "../../passes/pass.ts";
import { type PipelineOptions, planLowered, runPipeline, STAGES } from "../../passes/pipeline.ts";
import { compileArtifact } from "../../src/driver/compile-artifact.ts";
import { type Artifact, isGraph } from "../../src/ir/artifact.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { StepUpdate } from "../../src/ir/update.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Kernel } from "../../src/loop/types.ts";
import type { Module } from "../../src/nn/index.ts";
import { SGD, type SGDOptions } from "../../src/optim/index.ts";
import type { Compilation } from "../../src/runtime/inspection/figures.ts";
import { type Trace, traceLoss, traceModel } from "../../src/trace/trace.ts";
import { crossEntropy } from "./loss.ts";

/** Keeps the artifact of every pass, not only its text. */
export class RecordingManager extends PassManager {
  readonly artifacts = new Map<string, Artifact>();

  override run<I, O extends Artifact>(pass: Pass<I, O>, input: I): O {
    const output = super.run(pass, input);
    this.artifacts.set(pass.name, output);
    return output;
  }

  /** The graphs among them, by pass. */
  get graphs(): [string, Graph][] {
    return [...this.artifacts].flatMap(([name, artifact]): [string, Graph][] =>
      isGraph(artifact) ? [[name, artifact]] : [],
    );
  }

  /** The programs of kernels among them, by pass. */
  get programs(): [string, LoweredProgram | ProgramPlan][] {
    return [...this.artifacts].flatMap(([name, artifact]): [string, LoweredProgram | ProgramPlan][] =>
      isGraph(artifact) ? [] : [[name, artifact]],
    );
  }

  /** The input of a backend. */
  get plan(): ProgramPlan {
    return this.artifacts.get("plan-memory") as ProgramPlan;
  }
}

/** A traced model and, for training, what the pipeline needs to derive the step. */
export interface Source {
  readonly trace: Trace;
  readonly update?: StepUpdate;
}

/** The traced forward pass of LeNet. */
export const lenetForward = (batch: number): Source => forwardOf(new LeNet(), [batch, 1, 32, 32]);

/** LeNet with cross-entropy, to be trained by SGD. */
export const lenetTraining = (batch: number, options?: SGDOptions): Source =>
  trainingOf(new LeNet(), [batch, 1, 32, 32], options);

export const cifar10Forward = (batch: number): Source => forwardOf(new Cifar10(), [batch, 3, 32, 32]);

export const cifar10Training = (batch: number): Source => trainingOf(new Cifar10(), [batch, 3, 32, 32]);

const forwardOf = (model: Module, shape: readonly number[]): Source => ({
  trace: traceModel(model, [{ dtype: "float32", shape }]),
});

function trainingOf(
  model: Module,
  shape: readonly number[],
  options: SGDOptions = { lr: 0.05, momentum: 0.9 },
): Source {
  const types = [{ dtype: "float32", shape }] as const;
  return {
    trace: traceLoss(model, crossEntropy(), types),
    update: { groups: new SGD(model.parameters(), options).paramGroups.map(({ rule }) => ({ rule })) },
  };
}

/** All stages from trace to memory plan. */
export function stagesOf(
  { trace, update }: Source,
  backend: Backend = js,
  options: Partial<PipelineOptions> = {},
): RecordingManager {
  const manager = new RecordingManager();
  manager.start({ name: "trace", doc: "" }, trace.graph, 0);
  manager.artifacts.set("trace", trace.graph);
  runPipeline(manager, trace.graph, {
    capabilities: backend.capabilities,
    ...(update && { update, gradientsFor: trace.parameters }),
    ...options,
  });
  return manager;
}

/** Lowered kernels scheduled, their code generated and verified at every stage, and their memory planned. */
export const plannedFor = (
  capabilities: Capabilities,
  program: LoweredProgram,
  options: Partial<PipelineOptions> = {},
): ProgramPlan => planLowered(new PassManager(), program, { capabilities, ...options });

/** Kernels of a part of a program scheduled and their code generated, up to where its memory would be planned. */
export function generated(capabilities: Capabilities, program: LoweredProgram): readonly Kernel[] {
  const run = <I, O extends Artifact>(pass: Pass<I, O>, input: I): O =>
    pass.name === planMemory.name ? ({ ...input, placements: [], arenaBytes: 0 } as never) : pass.run(input);
  return planLowered({ run }, program, { capabilities }).kernels;
}

/** All stages including generated code, and figures of the kernels. */
export const compilationOf = ({ trace, update }: Source, backend: Backend = js): Promise<Compilation> =>
  compileArtifact(trace.graph, {
    backend: backend.name,
    start: STAGES[0],
    ...(update && { training: { gradientsFor: trace.parameters, update } }),
  });
