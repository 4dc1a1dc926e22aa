/**
 * Kiln as a peer: one compiled training step or forward pass. `--backend NAME[/STRATEGY]` says on which backend,
 * `--threads N` fixes the number of threads.
 */

import { readFileSync } from "node:fs";
import { backendName, backendNamed } from "../../backends/registry.ts";
import { hasRelaxedMadd } from "../../backends/wasm/engine.ts";
import { backends, compile, compileTraining, type Tensor } from "../../src/index.ts";
import { parseChoice } from "../src/compiled-step.ts";
import {
  MissingPeerError,
  type PeerPredictor,
  type PeerRequest,
  type PeerTrainer,
  serve,
} from "../src/serve.ts";
import { netOf, type Subject, wholeModelOf } from "../src/subject.ts";
import { BATCHES } from "../src/workloads.ts";

await serve(
  (request) => started(request, netOf),
  (request) => started(request, wholeModelOf),
);

/** What of a request is no matter of the workload. */
type Request = Pick<PeerRequest<unknown>, "task" | "options">;

async function started<Job>(
  request: PeerRequest<Job>,
  subjectOf: (workload: Job, batch: number) => Promise<Subject>,
): Promise<PeerTrainer | PeerPredictor> {
  const { backend } = parseChoice(request.options.backend ?? "wasm");
  const status = (await backends()).find(({ name }) => name === backend);
  if (!status?.available) throw new MissingPeerError(status?.reason ?? `there is no backend ${backend}`);
  const subject = await subjectOf(request.workload, request.batch);
  return request.task === "training" ? trainerOf(subject, request) : predictorOf(subject, request);
}

async function trainerOf(subject: Subject, request: Request): Promise<PeerTrainer> {
  const { model, data, loss, optimizer, parameters } = subject;
  const trainer = await compileTraining(model, { ...compileOptions(subject, request), loss, optimizer });
  return {
    ...(await describe(request, trainer.compileMilliseconds)),
    step: (index) => trainer.step(...data[index % BATCHES]),
    peakBytes: trainer.memory.arenaBytes,
    parameters: () =>
      Promise.all(parameters.map(async ([name, parameter]) => [name, await parameter.data()] as const)),
    dispose: () => trainer.dispose(),
  };
}

async function predictorOf(subject: Subject, request: Request): Promise<PeerPredictor> {
  const program = await compile(subject.model, compileOptions(subject, request));
  return {
    ...(await describe(request, program.compileMilliseconds)),
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
    backend: backendName(backend),
    ...(strategy !== undefined && { strategy }),
    ...(options.threads !== undefined && { threads: Number(options.threads) }),
  };
}

async function describe({ options }: Request, compileMilliseconds: number) {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const chosen = options.backend ?? "wasm";
  const { backend } = parseChoice(chosen);
  const details = {
    backend: chosen,
    threads: Number(options.threads ?? (await backendNamed(backend)).capabilities.threads),
    ...(backend === "wasm" && { simd: hasRelaxedMadd() ? "128 bits, relaxed" : "128 bits" }),
    dtype: "float32",
    node: process.version,
    "compile ms": Math.round(compileMilliseconds),
  };
  return { name: "Kiln", version, details };
}
