/** LeNet and other graphs at every stage of the pipeline, for tests of what passes make. */

import type { Backend } from "../../backends/backend.ts";
import { js } from "../../backends/js/backend.ts";
import LeNet from "../../examples/lenet.ts";
import { type Artifact, PassManager } from "../../passes/manager.ts";
import type { Pass } from "../../passes/pass.ts";
import { runPipeline } from "../../passes/pipeline.ts";
import type { Graph } from "../../src/ir/types.ts";
import type { StepUpdate } from "../../src/ir/update.ts";
import { CrossEntropyLoss } from "../../src/nn/index.ts";
import { SGD, type SGDOptions } from "../../src/optim/index.ts";
import { type Trace, traceLoss, traceModel } from "../../src/trace/trace.ts";

/** Keeps what every pass made, not just its text. */
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
      "kernels" in artifact ? [] : [[name, artifact]],
    );
  }
}

/** A traced model and, for training, what the pipeline needs to derive the step. */
export interface Source {
  readonly trace: Trace;
  readonly update?: StepUpdate;
}

/** LeNet's forward pass as the tracer sees it. */
export function lenetForward(batch: number): Source {
  return { trace: traceModel(new LeNet(), [{ dtype: "float32", shape: [batch, 1, 32, 32] }]) };
}

/** LeNet with cross-entropy, to be trained by SGD. */
export function lenetTraining(batch: number, options: SGDOptions = { lr: 0.05, momentum: 0.9 }): Source {
  const model = new LeNet();
  const types = [{ dtype: "float32", shape: [batch, 1, 32, 32] }] as const;
  return {
    trace: traceLoss(model, new CrossEntropyLoss(), types),
    update: { groups: new SGD(model.parameters(), options).paramGroups.map(({ rule }) => ({ rule })) },
  };
}

/** All stages from trace to memory plan. */
export function stagesOf({ trace, update }: Source, backend: Backend = js): RecordingManager {
  const manager = new RecordingManager();
  manager.start({ name: "trace", doc: "" }, trace.graph, 0);
  manager.artifacts.set("trace", trace.graph);
  runPipeline(manager, trace.graph, {
    capabilities: backend.capabilities,
    ...(update && { update, gradientsFor: trace.parameters }),
  });
  return manager;
}
