/**
 * Kiln as a peer: one compiled training step or forward pass. `--backend NAME[/STRATEGY]` says on which backend,
 * `--threads N` fixes the number of threads.
 */

import { readFileSync } from "node:fs";
import { backendNamed } from "../../backends/registry.ts";
import { hasRelaxedMadd } from "../../backends/wasm/engine.ts";
import { backends, compile, compileTraining, nn, optim, tensor } from "../../src/index.ts";
import type { Module } from "../../src/nn/module.ts";
import { parseChoice } from "../src/compiled-step.ts";
import { modelOf } from "../src/kiln-model.ts";
import {
  MissingPeerError,
  type PeerPredictor,
  type PeerRequest,
  type PeerTrainer,
  serve,
} from "../src/serve.ts";
import { BATCHES, batches, LEARNING_RATE, trainedLayers } from "../src/workloads.ts";

await serve(async (request): Promise<PeerTrainer | PeerPredictor> => {
  const { backend } = parseChoice(request.options.backend ?? "wasm");
  const status = (await backends()).find(({ name }) => name === backend);
  if (!status?.available) throw new MissingPeerError(status?.reason ?? `there is no backend ${backend}`);
  const model = await modelOf(request.workload);
  return request.task === "training" ? trainerOf(model, request) : predictorOf(model, request);
});

async function trainerOf(model: Module, request: PeerRequest): Promise<PeerTrainer> {
  const trainer = await compileTraining(model, {
    ...compileOptions(request),
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: LEARNING_RATE }),
  });
  const data = tensors(request);
  return {
    ...describe(request, trainer.compileMilliseconds),
    step: (index) => trainer.step(...data[index % BATCHES]),
    async parameters() {
      const state = new Map(model.namedParameters());
      const parts = trainedLayers(request.workload).flatMap(({ layer, index }) =>
        ["weight", "bias"].map(
          async (part) => [`${layer.name}.${part}`, await state.get(`${index}.${part}`)!.data()] as const,
        ),
      );
      return Promise.all(parts);
    },
    dispose: () => trainer.dispose(),
  };
}

async function predictorOf(model: Module, request: PeerRequest): Promise<PeerPredictor> {
  const program = await compile(model, compileOptions(request));
  const data = tensors(request);
  return {
    ...describe(request, program.compileMilliseconds),
    async predict(index) {
      const output = await program.run(data[index % BATCHES][0]);
      return output.data();
    },
    dispose: () => program.dispose(),
  };
}

function compileOptions({ workload, batch, options }: PeerRequest) {
  const { backend, strategy } = parseChoice(options.backend ?? "wasm");
  return {
    inputs: [[batch, ...workload.sample]],
    backend,
    ...(strategy !== undefined && { strategy }),
    ...(options.threads !== undefined && { threads: Number(options.threads) }),
  };
}

function tensors({ workload, batch }: PeerRequest) {
  return batches(workload, batch).map(
    ({ input, target }) => [tensor(input, { shape: [batch, ...workload.sample] }), tensor(target)] as const,
  );
}

function describe({ options }: PeerRequest, compileMilliseconds: number) {
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
