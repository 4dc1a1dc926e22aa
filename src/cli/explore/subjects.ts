/** Compiles a model for each backend that the explorer is to show, and measures its kernels. */

import { cpus } from "node:os";
import { compile, compileTraining } from "../../compile.ts";
import type { Subject } from "../../explore/explorer-data.ts";
import { SGD } from "../../optim/index.ts";
import { type Profiled, profile } from "../../runtime/profile.ts";
import type { Inspectable } from "../../runtime/program.ts";
import { randomBatch } from "../../runtime/random-batch.ts";
import type { ModelFile, TensorSpec } from "../model-file.ts";
import type { ExploreRequest } from "./request.ts";

/** What the times on the page were measured on. */
export const machineText = (): string =>
  `${cpus()[0]?.model.trim() ?? "this machine"}, Node ${process.versions.node}`;

interface Compiled extends Profiled {
  readonly program: Inspectable;
  dispose(): Promise<void>;
}

export async function compileSubjects(file: ModelFile, request: ExploreRequest): Promise<readonly Subject[]> {
  const compiled: Compiled[] = [];
  for (const backend of request.backends) compiled.push(await compileFor(backend, file, request));
  const profiles = request.seconds > 0 ? await profile(compiled, 1000 * request.seconds) : [];
  const subjects = compiled.map(
    ({ program: { compilation, compileMilliseconds } }, k): Subject => ({
      compilation,
      compileMilliseconds,
      profile: profiles[k],
    }),
  );
  for (const { dispose } of compiled) await dispose();
  return subjects;
}

async function compileFor(
  backend: string,
  file: ModelFile,
  { mode, batchSize }: ExploreRequest,
): Promise<Compiled> {
  const { model, loss, targets } = file;
  const options = { inputs: resized(file.inputs, file, batchSize), backend };
  if (mode === "forward") {
    const program = await compile(model, options);
    const batch = randomBatch(program.inputs);
    return {
      program,
      kernels: program.kernels,
      run: () => program.run(...batch),
      runByKernel: () => program.runByKernel(...batch),
      dispose: () => program.dispose(),
    };
  }
  const optimizer = new SGD(model.parameters(), { lr: 1e-3, momentum: 0.9 });
  const trainer = await compileTraining(model, {
    ...options,
    loss,
    optimizer,
    ...(targets && { targets: resized(targets, file, batchSize) }),
  });
  const batch = randomBatch(trainer.inputs);
  return {
    program: trainer,
    kernels: trainer.kernels,
    run: () => trainer.step(...batch),
    runByKernel: () => trainer.stepByKernel(...batch),
    dispose: () => trainer.dispose(),
  };
}

/** Shapes for another batch: what has the file's batch in front gets the new one. */
function resized(specs: readonly TensorSpec[], file: ModelFile, batchSize: number | undefined): TensorSpec[] {
  const [fileBatch] = file.inputs[0].shape;
  return specs.map(({ shape: [batch, ...rest], dtype }) => ({
    dtype,
    shape: [batch === fileBatch ? (batchSize ?? batch) : batch, ...rest],
  }));
}
