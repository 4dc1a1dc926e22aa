/** Compiles the subject of `kiln dump`: a model, or a dump that was printed, and perhaps edited, before. */

import type { BackendName } from "../../../backends/registry.ts";
import { STAGES } from "../../../passes/pipeline.ts";
import { compile, compileTraining } from "../../compile.ts";
import { InternalError, KilnError } from "../../core/errors.ts";
import { compileArtifact } from "../../driver/compile-artifact.ts";
import { readText } from "../../files/read.ts";
import type { DumpSubject } from "../../inspect/json.ts";
import { type Artifact, isGraph, stageOf } from "../../ir/artifact.ts";
import { parseGraph } from "../../ir/parse.ts";
import { isProgramText, parseProgram } from "../../loop/parse.ts";
import { Parameter } from "../../nn/index.ts";
import { opTable } from "../../ops/registry.ts";
import { SGD } from "../../optim/index.ts";
import type { Compilation } from "../../runtime/inspection/figures.ts";
import { zeros } from "../../tensor/index.ts";
import type { Arguments } from "../command.ts";
import { loadModelFile, type ModelFile, type TensorSpec } from "../model-file.ts";
import { readInputs } from "../model-options.ts";
import { describeError } from "../report.ts";
import { shapes } from "../values.ts";
import type { Request } from "./request.ts";

/** The optimizer of training steps in dumps. */
const SGD_OPTIONS = { lr: 0.05, momentum: 0.9 } as const;

/** Far more than all stages of a large model print. */
const MOST_BYTES = 2 ** 27;

/** What was compiled, and how to refer to it. */
export interface Subject extends DumpSubject {
  readonly compilation: Compilation;
}

export async function compileSubject(request: Request, given: Arguments, root: URL): Promise<Subject> {
  if (request.isDump) return compileFrom(request);
  const file = await loadModelFile(request.path, 0, root, shapes(given, "input"));
  const inputs = readInputs(file, given);
  const mode = request.mode ?? "forward";
  return { file: request.path, mode, compilation: await compileModel(file, inputs, mode, request.backend) };
}

async function compileModel(
  { model, loss, targets }: ModelFile,
  inputs: readonly TensorSpec[],
  mode: Subject["mode"],
  backend: BackendName,
): Promise<Compilation> {
  if (mode === "forward") return (await compile(model, { inputs, backend, warnings: false })).compilation;
  const optimizer = new SGD(model.parameters(), SGD_OPTIONS);
  const options = { inputs, loss, optimizer, backend, warnings: false, ...(targets && { targets }) };
  return (await compileTraining(model, options)).compilation;
}

async function compileFrom({ path, mode, backend, stage, kernel }: Request): Promise<Subject> {
  const artifact = await readArtifact(path);
  const start = stageOf(artifact);
  const training = mode === "training" ? trainingOf(path, artifact, start) : undefined;
  const doc = `Read from ${path}.`;
  const compilation = await explained(path, () =>
    compileArtifact(artifact, { backend, start: { name: start, doc }, ...(training && { training }) }),
  );
  if (stage !== undefined && !compilation.stages.some(({ name }) => name === stage)) {
    const names = compilation.stages.map(({ name }) => name).join(", ");
    throw new KilnError(
      `${path} continues from the stage ${start}, which is not followed by ${stage} but by ${names}`,
    );
  }
  if (kernel !== undefined && start !== "lower" && !isGraph(artifact)) {
    throw new KilnError(
      `--kernel shows how a kernel is scheduled, and those of ${path} have been: use --stage ${start}`,
    );
  }
  return { file: path, mode: training || changesStates(artifact) ? "training" : "forward", compilation };
}

/** Whether a run changes states, as a training step does. */
const changesStates = (artifact: Artifact): boolean =>
  isGraph(artifact) ? artifact.updates.length > 0 : artifact.commitFrom < artifact.kernels.length;

async function readArtifact(path: string): Promise<Artifact> {
  const text = await readText(path, MOST_BYTES);
  if (isCode(text)) {
    throw new KilnError(
      `${path} holds generated code, the last stage: only the stages before source can be read back`,
    );
  }
  return explained(path, async () => (isProgramText(text) ? parseProgram(text) : parseGraph(text, opTable)));
}

/** Whether a text is a backend's output: JavaScript, WebAssembly, or kernels without a program around them. */
const isCode = (text: string): boolean =>
  /^\s*(?:(?:\/\/|;;) \w+: |(?:async )?function[ (]|\(func |kernel )/.test(text);

/** Errors in an edited text are reported as the user's, wherever they are detected. */
async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KilnError) throw new KilnError(`${path}: ${error.message}`, []);
    const why = error instanceof InternalError ? error.fault.split("\n")[0] : describeError(error);
    throw new KilnError(`${path}: this is inconsistent: ${why}`);
  }
}

/** How a training step is made from a loss: every state that is a parameter, as far as the graph shows, is trained. */
function trainingOf(path: string, graph: Artifact, start: string) {
  if (!isGraph(graph)) {
    throw new KilnError(
      `${path}: a training step is made from a graph, but these are kernels (${start}); omit --mode training to continue from there`,
    );
  }
  if (start !== STAGES[0].name || graph.outputs.length !== 1) {
    throw new KilnError(
      `${path}: a training step is made from a graph whose one output is the loss, before partition and fuse; ` +
        (start === STAGES[0].name
          ? `this one has ${graph.outputs.length} outputs`
          : `this one has been through ${start}; omit --mode training to continue from there`),
    );
  }
  const updated = new Set(graph.updates.map(({ target }) => target));
  const gradientsFor = graph.inputs
    .filter((input) => input.role === "state" && input.type.dtype === "float32")
    .filter((input) => !updated.has(input) && !/^constant\.\d+$/.test(input.name))
    .map(({ name }) => name);
  if (gradientsFor.length === 0) {
    throw new KilnError(
      `${path}: there is nothing to train: the graph has no parameter that it does not update`,
    );
  }
  const [{ rule }] = new SGD([new Parameter(zeros([1]))], SGD_OPTIONS).paramGroups;
  return { gradientsFor, update: { groups: [{ rule }] } };
}
