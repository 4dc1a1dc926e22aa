/**
 * Kiln as a peer: one compiled training step or forward pass. `--backend NAME[/STRATEGY]` says on which backend,
 * `--threads N` fixes the number of threads.
 */

import { readFileSync } from "node:fs";
import { backendNamed } from "../../backends/registry.ts";
import { hasRelaxedMadd } from "../../backends/wasm/engine.ts";
import { backends, compile, compileTraining, nn, optim, type Tensor, tensor } from "../../src/index.ts";
import type { Module } from "../../src/nn/module.ts";
import type { TraceableLoss } from "../../src/trace/trace.ts";
import { parseChoice } from "../src/compiled-step.ts";
import { modelOf } from "../src/kiln-model.ts";
import { type ModelWorkload, modelBatches, startedModel } from "../src/models.ts";
import {
  MissingPeerError,
  type PeerPredictor,
  type PeerRequest,
  type PeerTrainer,
  serve,
} from "../src/serve.ts";
import { BATCHES, batches, LEARNING_RATE, trainedLayers, type Workload } from "../src/workloads.ts";

/** What a workload is in Kiln. */
interface Subject {
  readonly model: Module;
  readonly data: readonly (readonly [input: Tensor, target: Tensor])[];
  readonly loss: TraceableLoss;
  readonly optimizer: optim.Optimizer;
  /** The parameters by the names that all peers know them under. */
  readonly parameters: readonly (readonly [name: string, parameter: Tensor])[];
}

await serve(
  (request) => started(request, netOf),
  (request) => started(request, wholeModel),
);

/** A net of plain layers, trained by plain SGD. */
async function netOf({ workload, batch }: PeerRequest<Workload>): Promise<Subject> {
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

async function wholeModel({ workload, batch }: PeerRequest<ModelWorkload>): Promise<Subject> {
  const model = await startedModel(workload);
  return {
    model,
    data: modelBatches(workload, batch),
    loss: workload.loss(),
    optimizer: workload.optimizer(model.parameters()),
    parameters: [...model.namedParameters()],
  };
}

/** What of a request is no matter of the workload. */
type Request = Pick<PeerRequest<unknown>, "task" | "options">;

async function started<Job>(
  request: PeerRequest<Job>,
  subjectOf: (request: PeerRequest<Job>) => Promise<Subject>,
): Promise<PeerTrainer | PeerPredictor> {
  const { backend } = parseChoice(request.options.backend ?? "wasm");
  const status = (await backends()).find(({ name }) => name === backend);
  if (!status?.available) throw new MissingPeerError(status?.reason ?? `there is no backend ${backend}`);
  const subject = await subjectOf(request);
  return request.task === "training" ? trainerOf(subject, request) : predictorOf(subject, request);
}

async function trainerOf(subject: Subject, request: Request): Promise<PeerTrainer> {
  const { model, data, loss, optimizer, parameters } = subject;
  const trainer = await compileTraining(model, { ...compileOptions(subject, request), loss, optimizer });
  return {
    ...describe(request, trainer.compileMilliseconds),
    step: (index) => trainer.step(...data[index % BATCHES]),
    parameters: () =>
      Promise.all(parameters.map(async ([name, parameter]) => [name, await parameter.data()] as const)),
    dispose: () => trainer.dispose(),
  };
}

async function predictorOf(subject: Subject, request: Request): Promise<PeerPredictor> {
  const program = await compile(subject.model, compileOptions(subject, request));
  return {
    ...describe(request, program.compileMilliseconds),
    async predict(index) {
      const output = (await program.run(subject.data[index % BATCHES][0])) as Tensor;
      return output.data();
    },
    dispose: () => program.dispose(),
  };
}

function compileOptions({ data: [[{ shape, dtype }]] }: Subject, { options }: Request) {
  const { backend, strategy } = parseChoice(options.backend ?? "wasm");
  return {
    inputs: [{ shape, dtype }],
    backend,
    ...(strategy !== undefined && { strategy }),
    ...(options.threads !== undefined && { threads: Number(options.threads) }),
  };
}

function describe({ options }: Request, compileMilliseconds: number) {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const chosen = options.backend ?? "wasm";
  const { backend } = parseChoice(chosen);
  const details = {
    backend: chosen,
    threads: Number(options.threads ?? backendNamed(backend).capabilities.threads),
    ...(backend === "wasm" && { simd: hasRelaxedMadd() ? "128 bits, relaxed" : "128 bits" }),
    dtype: "float32",
    node: process.version,
    "compile ms": Math.round(compileMilliseconds),
  };
  return { name: "Kiln", version, details };
}
