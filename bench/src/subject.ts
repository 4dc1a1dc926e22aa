/** A workload in Kiln: a model with the weights that every peer starts from, how it is trained, and on what. */

import { nn, optim, type Tensor, tensor } from "../../src/index.ts";
import type { Module } from "../../src/nn/module.ts";
import type { TraceableLoss } from "../../src/trace/trace.ts";
import { modelOf } from "./kiln-model.ts";
import { MODELS, type ModelWorkload, modelBatches, startedModel } from "./models.ts";
import { batches, LEARNING_RATE, trainedLayers, WORKLOADS, type Workload } from "./workloads.ts";

export interface Subject {
  readonly model: Module;
  readonly data: readonly (readonly [input: Tensor, target: Tensor])[];
  readonly loss: TraceableLoss;
  readonly optimizer: optim.Optimizer;
  /** The parameters by the names that all peers use. */
  readonly parameters: readonly (readonly [name: string, parameter: Tensor])[];
}

/** Every workload there is, nets of plain layers and whole models. */
export const NAMES: readonly string[] = [...Object.keys(WORKLOADS), ...Object.keys(MODELS)];

/** The default batches of a workload. */
export const batchesOf = (workload: string): readonly number[] =>
  Object.hasOwn(MODELS, workload) ? [MODELS[workload].batch] : [1, 8, 64];

/** A workload by name. Throws an Error that lists the names if there is none. */
export function subjectNamed(name: string, batch: number): Promise<Subject> {
  if (Object.hasOwn(WORKLOADS, name)) return netOf(WORKLOADS[name], batch);
  if (Object.hasOwn(MODELS, name)) return wholeModelOf(MODELS[name], batch);
  throw new Error(`there is no workload "${name}"; there are ${NAMES.join(", ")}`);
}

/** A net of plain layers, trained by plain SGD. */
export async function netOf(workload: Workload, batch: number): Promise<Subject> {
  const model = await modelOf(workload);
  const state = new Map<string, Tensor>(model.namedParameters());
  return {
    model,
    data: batches(workload, batch).map(
      ({ input, target }) => [tensor(input, { shape: [batch, ...workload.sample] }), tensor(target)] as const,
    ),
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: LEARNING_RATE }),
    parameters: trainedLayers(workload).flatMap(({ layer, index }) =>
      ["weight", "bias"].map((part) => [`${layer.name}.${part}`, state.get(`${index}.${part}`)!] as const),
    ),
  };
}

export async function wholeModelOf(workload: ModelWorkload, batch: number): Promise<Subject> {
  const model = await startedModel(workload);
  return {
    model,
    data: modelBatches(workload, batch),
    loss: workload.loss(),
    optimizer: workload.optimizer(model.parameters()),
    parameters: [...model.namedParameters()],
  };
}
